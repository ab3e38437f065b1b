"""CCU2C and LUT4 of ECP5."""

from __future__ import annotations

from bnnhw.logic.cells import FALSE, Function, Slot
from bnnhw.logic.pipeline import Schedule
from bnnhw.logic.targets.ecp5 import pins_of
from bnnhw.logic.text.module import Gap, Names
from bnnhw.logic.truth_tables import table, value

__all__ = ["ecp5_cells", "ecp5_luts", "ecp5_register", "tied_high"]

LONGEST, LONGEST_OF_SLOW = 32, 128
"""Slots of a sequence, where its schedule says nothing: timing analysis counts carries through
gaps, though they never pass there. In between, as many as take a tenth of the slowest path."""
SLOTS_PER_NANOSECOND = 1.6
"""Slots whose carries take a tenth of a nanosecond."""


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
        slots = [_place(names, place) for place in sequence]
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
    """Lookup tables of those instances: a CCU2C has two."""
    return len(names.luts) + sum(map(len, _sequences(names)))


def tied_high(table: int, zeros: int) -> int:
    """Table of a half of CCU2C whose pins in ``zeros`` read 1 in place of 0.

    An ECP5 has 1 on every pin for nothing, while nextpnr wires each 0 to the one cell that makes
    it. Rows with C = D = 0 keep their meaning, as the carry comes from a table of A and B that
    shares their bits.

    Parameters
    ----------
    table : int
        INIT, bit k for the row A + 2 B + 4 C + 8 D = k.
    zeros : int
        Pins, A in bit 0.
    """
    return sum((table >> (row & ~zeros) & 1) << row for row in range(16))


def _sequences(names: Names) -> list[list[Slot | Gap | None]]:
    """Places of each sequence of CCU2C; None fills the last one up."""
    return [[*sequence, *[None] * (len(sequence) % 2)]
            for sequence in names.sequences(_longest(names.schedule), headed=True)]


def _longest(found: Schedule) -> int:
    """Slots of a sequence."""
    slow = int(found.critical_path_ns * SLOTS_PER_NANOSECOND)
    return found.max_chain_slots or min(max(LONGEST, slow), LONGEST_OF_SLOW)


def ecp5_register(d: str, q: str) -> str:
    """A flip-flop on ``clk``, as a cell."""
    return (f'TRELLIS_FF #(.GSR("AUTO"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), '
            f'.REGSET("RESET"), .SRMODE("LSR_OVER_CE")) f{q.replace("[", "_")[:-1]}('
            f".CLK(clk), .LSR(1'b0), .DI({d}), .Q({q}));")


def _place(names: Names, place: Slot | Gap | None) -> tuple[tuple[str, ...], int, str]:
    """Nets of the pins A..D, INIT, and the net of the sum."""
    nets, init, total = _function(names, place)
    zeros = sum((net == "1'b0") << k for k, net in enumerate(nets))
    return tuple("1'b1" if net == "1'b0" else net for net in nets), tied_high(init, zeros), total


def _function(names: Names, place: Slot | Gap | None) -> tuple[tuple[str, ...], int, str]:
    """The same, with pins that read 0."""
    if place is None:
        return ("1'b0",) * 4, 0, ""
    if isinstance(place, Slot):
        stage = names.schedule.stage[place.total]
        found = pins_of(len(place.ins), place.p, place.g)
        assert found is not None
        pins, init = found
        nets = tuple("1'b1" if pin == -2 else "1'b0" if pin == -1
                     else names.read(place.ins[pin], stage) for pin in pins)
        return nets, init, names.wire(place.total) if place.total in names.used else ""
    out = "" if place.out is None else names.wire(place.out)
    if isinstance(place.entry, Function):
        ins, function = place.entry.ins, place.entry.table
    elif place.entry is None or place.entry <= 1:
        ins, function = (), int(place.entry not in (None, FALSE))
    else:
        ins, function = (place.entry >> 1,), 0b01 if place.entry & 1 else 0b10
    nets = tuple(names.read(bit, place.stage) for bit in ins) + ("1'b0",) * (2 - len(ins))
    low = table(2, lambda *v: value(function, sum(v[k] << k for k in range(len(ins)))))
    # D = 1: L4 is 0, so that the carry comes out as the sum; L2 gives the next one.
    return (*nets, "1'b0", "1'b1"), low, out
