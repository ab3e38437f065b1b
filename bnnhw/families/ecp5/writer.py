"""Writes netlists as CCU2C and LUT4 cells of an ECP5.

A slot of CCU2C computes ``S = L4(A, B, C, D) ^ CIN`` and ``COUT = L4 ? CIN : L2(A, B)``; L2 is the
part of L4's truth table where C = D = 0 (Lattice TN1262, and the cell model of Yosys). A slot with
three inputs ties D to 1, which leaves L2 free; with four, L2 has to agree with L4 there.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

from bnnhw.logic.cells import FALSE, Function, Slot
from bnnhw.logic.pipeline import Schedule
from bnnhw.logic.truth_tables import table, value
from bnnhw.logic.writer import Gap, Names

__all__ = ["ecp5_cells", "ecp5_luts", "ecp5_register", "pins_of", "tied_high"]

LONGEST, LONGEST_OF_SLOW = 32, 128
"""Limits of the slots of a sequence whose schedule has no limit. Timing analysis counts carries
through gaps, where they never pass; between the limits, a sequence has as many slots as take a
tenth of the slowest path."""
SLOTS_PER_NANOSECOND = 1.6
"""Slots whose carries take 0.1 ns, a tenth of a path of 1 ns."""


def ecp5_cells(names: Names) -> list[str]:
    """Instances of all live cells."""
    lines = []
    for lut in names.luts:
        stage = names.stage_of(lut)
        pins = ", ".join(f".{pin}({names.read(bit, stage)})"
                         for pin, bit in zip("ABCD", lut.ins, strict=False))
        free = "".join(f", .{pin}(1'b0)" for pin in "ABCD"[len(lut.ins):])
        init = sum(value(lut.table, v & ((1 << len(lut.ins)) - 1)) << v for v in range(16))
        lines.append(f"LUT4 #(.INIT(16'h{init:04x})) l{lut.out}({pins}{free}, "
                     f".Z({names.wire(lut.out)}));")
    for number, sequence in enumerate(_sequences(names)):
        slots = [_slot(names, item) for item in sequence]
        for k in range(0, len(slots), 2):
            (a, init0, s0), (b, init1, s1) = slots[k], slots[k + 1]
            pins = "".join(f".{pin}{half}({net}), " for half, nets in ((0, a), (1, b))
                           for pin, net in zip("ABCD", nets, strict=True))
            into = f"c{number}_{k // 2 - 1}" if k else "1'b0"
            out = f", .COUT(c{number}_{k // 2})" if k + 2 < len(slots) else ""
            sums = "".join(f", .S{half}({s})" for half, s in ((0, s0), (1, s1)) if s)
            lines.append(f"CCU2C #(.INIT0(16'h{init0:04x}), .INIT1(16'h{init1:04x}), "
                         f'.INJECT1_0("NO"), .INJECT1_1("NO")) a{number}_{k // 2}('
                         f"{pins}.CIN({into}){sums}{out});")
        if len(slots) > 2:
            lines.append(f"wire {', '.join(f'c{number}_{k}' for k in range(len(slots) // 2 - 1))};")
    return lines


def ecp5_luts(names: Names) -> int:
    """LUTs of those instances: a CCU2C has two."""
    return len(names.luts) + sum(map(len, _sequences(names)))


def tied_high(table: int, zeros: int) -> int:
    """Truth table of a half of CCU2C whose pins in ``zeros`` read 1 instead of 0.

    Every pin of an ECP5 reads 1 without routing, while nextpnr routes each 0 from the one cell that
    makes it. Rows with C = D = 0 keep their meaning, as the carry is a function of A and B
    that shares their bits.

    Parameters
    ----------
    table : int
        INIT, bit k for the row A + 2 B + 4 C + 8 D = k.
    zeros : int
        Pins, A in bit 0.
    """
    return sum((table >> (row & ~zeros) & 1) << row for row in range(16))


def _sequences(names: Names) -> list[list[Slot | Gap | None]]:
    """Slots and gaps of each sequence of CCU2C; None fills the last half."""
    return [[*sequence, *[None] * (len(sequence) % 2)]
            for sequence in names.sequences(_longest(names.schedule), headed=True)]


def _longest(found: Schedule) -> int:
    """Largest number of slots of a sequence."""
    slow = int(found.critical_path_ns * SLOTS_PER_NANOSECOND)
    return found.max_chain_slots or min(max(LONGEST, slow), LONGEST_OF_SLOW)


def ecp5_register(d: str, q: str) -> str:
    """A flip-flop on ``clk`` as a cell, which synthesis does not merge with an equal one."""
    return (f'TRELLIS_FF #(.GSR("AUTO"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), '
            f'.REGSET("RESET"), .SRMODE("LSR_OVER_CE")) f{q.replace("[", "_")[:-1]}('
            f".CLK(clk), .LSR(1'b0), .DI({d}), .Q({q}));")


def _slot(names: Names, item: Slot | Gap | None) -> tuple[tuple[str, ...], int, str]:
    """Nets of the pins A..D with constants tied high, INIT, and the net of the sum."""
    nets, init, total = _function(names, item)
    zeros = sum((net == "1'b0") << k for k, net in enumerate(nets))
    return tuple("1'b1" if net == "1'b0" else net for net in nets), tied_high(init, zeros), total


def _function(names: Names, item: Slot | Gap | None) -> tuple[tuple[str, ...], int, str]:
    """Nets of the pins A..D, where some may be 0, INIT, and the net of the sum."""
    if item is None:
        return ("1'b0",) * 4, 0, ""
    if isinstance(item, Slot):
        stage = names.schedule.stage[item.total]
        found = pins_of(len(item.ins), item.p, item.g)
        assert found is not None
        pins, init = found
        nets = tuple("1'b1" if pin == -2 else "1'b0" if pin == -1
                     else names.read(item.ins[pin], stage) for pin in pins)
        return nets, init, names.wire(item.total) if item.total in names.used else ""
    out = "" if item.out is None else names.wire(item.out)
    if isinstance(item.entry, Function):
        ins, function = item.entry.ins, item.entry.table
    elif item.entry is None or item.entry <= 1:
        ins, function = (), int(item.entry not in (None, FALSE))
    else:
        ins, function = (item.entry >> 1,), 0b01 if item.entry & 1 else 0b10
    nets = tuple(names.read(bit, item.stage) for bit in ins) + ("1'b0",) * (2 - len(ins))
    low = table(2, lambda *v: value(function, sum(v[k] << k for k in range(len(ins)))))
    # D = 1: L4 is 0, so that the sum output is the carry; L2 gives the next carry.
    return (*nets, "1'b0", "1'b1"), low, out


@lru_cache(maxsize=1 << 14)
def pins_of(inputs: int, p: int, g: int) -> tuple[tuple[int, ...], int] | None:
    """Find pins and INIT of a slot.

    Parameters
    ----------
    inputs : int
        Input bits of the slot.
    p, g : int
        Truth tables over them: propagate, and generate where p is 0.

    Returns
    -------
    tuple or None
        The input on each of the pins A..D (-1 for constant 0, -2 for constant 1), and INIT. None
        if a slot cannot compute these functions.
    """
    if inputs > 4:
        return None
    for order in permutations(range(inputs)):
        if inputs == 4:
            found = _init(order, inputs, p, g)
            pins = order
        else:
            pins = (*order, *(-1,) * (3 - inputs), -2)
            found = _init(pins, inputs, p, g)
        if found is not None:
            return pins, found
    return None


def _init(pins: tuple[int, ...], inputs: int, p: int, g: int) -> int | None:
    """INIT for ``pins``; None if g is no function of A and B, or conflicts with p."""
    init, known = 0, 0
    for v in range(1 << inputs):
        at = sum((1 if pin == -2 else 0 if pin == -1 else v >> pin & 1) << k
                 for k, pin in enumerate(pins))
        init |= value(p, v) << at
        known |= 1 << at
    for v in range(1 << inputs):
        if value(p, v):
            continue  # the carry passes: g does not matter
        at = sum((1 if pin == -2 else 0 if pin == -1 else v >> pin & 1) << k
                 for k, pin in enumerate(pins)) & 3
        wanted = value(g, v)
        if known >> at & 1 and init >> at & 1 != wanted:
            return None
        init |= wanted << at
        known |= 1 << at
    return init
