"""CCU2C and LUT4 of ECP5."""

from __future__ import annotations

from bnnhw.count.cells import FALSE, Function, Slot
from bnnhw.count.tables import table, value
from bnnhw.count.targets.ecp5 import pins_of
from bnnhw.count.text.module import Gap, Names

__all__ = ["ecp5_cells", "ecp5_register"]

LONGEST = 24
"""Slots of a chain: timing analysis counts carries through gaps, though they never pass there."""


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
    for number, sequence in enumerate(names.sequences(LONGEST)):
        slots = [_place(names, place) for place in sequence]
        if len(slots) % 2:
            slots.append((("1'b0",) * 4, 0, ""))
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


def ecp5_register(d: str, q: str) -> str:
    """A flip-flop on ``clk``, as a cell."""
    return (f'TRELLIS_FF #(.GSR("AUTO"), .CEMUX("1"), .CLKMUX("CLK"), .LSRMUX("LSR"), '
            f'.REGSET("RESET"), .SRMODE("LSR_OVER_CE")) f{q.replace("[", "_")[:-1]}('
            f".CLK(clk), .LSR(1'b0), .DI({d}), .Q({q}));")


def _place(names: Names, place: Slot | Gap) -> tuple[tuple[str, ...], int, str]:
    """Nets of the pins A..D, INIT, and the net of the sum."""
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
