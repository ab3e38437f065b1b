"""Writes netlists as SB_CARRY and SB_LUT4 cells of an iCE40."""

from __future__ import annotations

from bnnhw.logic.cells import FALSE, Function, Slot
from bnnhw.logic.truth_tables import XOR3, value
from bnnhw.logic.writer import Gap, Names

__all__ = ["ice40_cells", "ice40_luts"]

LONGEST = 32
"""Largest number of slots and gaps of a sequence, so that it spans few tiles."""


def ice40_cells(names: Names) -> list[str]:
    """Instances of all live cells."""
    lines = []
    for lut in names.luts:
        stage = names.stage_of(lut)
        nets = [names.read(bit, stage) for bit in lut.ins]
        lines.append(_lut(f"l{lut.out}", nets, lut.table, names.wire(lut.out)))
    for number, sequence in enumerate(names.sequences(LONGEST)):
        carry = "1'b0"
        for k, item in enumerate(sequence):
            out = f"c{number}_{k}"
            last = k + 1 == len(sequence)
            if isinstance(item, Gap):
                carry = _gap(lines, names, f"{number}_{k}", item, carry, out)
                continue
            stage = names.schedule.stage[item.total]
            a, b = _operands(names, item, stage)
            if _needs_lut(names, item):
                # I3 is the carry, I1 and I2 are the wires that SB_CARRY reads.
                lines.append(_lut(f"s{number}_{k}", ["1'b0", a, b, carry],
                                  _shifted(XOR3), names.wire(item.total)))
            if not last:
                lines.append(f"SB_CARRY a{number}_{k}(.I0({a}), .I1({b}), .CI({carry}), "
                             f".CO({out}));")
            carry = out
        if len(sequence) > 1:
            lines.append(f"wire {', '.join(f'c{number}_{k}' for k in range(len(sequence) - 1))};")
    return lines


def ice40_luts(names: Names) -> int:
    """LUTs of those instances that Yosys keeps."""
    return len(names.luts) + sum(_needs_lut(names, item) and not _becomes_wire(item)
                                 for sequence in names.sequences(LONGEST) for item in sequence)


def _becomes_wire(item: Slot | Gap) -> bool:
    """Whether Yosys removes the LUT of a gap: a carry is read where the next carry input is 0.

    The LUT is written nevertheless, as Yosys finds fewer savings in the LUTs after it otherwise.
    """
    return isinstance(item, Gap) and item.entry == FALSE


def _needs_lut(names: Names, item: Slot | Gap) -> bool:
    """Whether a slot or gap has a LUT: a carry alone needs none, bringing it out does."""
    return item.total in names.used if isinstance(item, Slot) else item.out is not None


def _gap(lines: list[str], names: Names, name: str, gap: Gap, carry: str, out: str) -> str:
    """Bring a carry out and the next one in; returns the net of the latter."""
    if _needs_lut(names, gap):
        assert gap.out is not None
        lines.append(_lut(f"s{name}", ["1'b0", "1'b0", "1'b0", carry], 0xFF00,
                          names.wire(gap.out)))
    if gap.entry is None:
        return carry
    assert not isinstance(gap.entry, Function)
    net = names.literal(gap.entry, gap.stage)
    if gap.entry <= 1 and gap.out is None and carry == "1'b0":
        lines.append(f"assign {out} = {net};")
        return out
    lines.append(f"SB_CARRY a{name}(.I0({net}), .I1({net}), .CI({carry}), .CO({out}));")
    return out


def _operands(names: Names, slot: Slot, stage: int) -> tuple[str, str]:
    """The two wires that a slot adds."""
    nets = [names.read(bit, stage) for bit in slot.ins]
    if len(nets) == 2:
        assert slot.p == 0b0110, "a slot of iCE40 adds plain wires"
        return nets[0], nets[1]
    if len(nets) == 1:  # the other operand is a constant
        return nets[0], "1'b1" if slot.p == 0b01 else "1'b0"
    return f"1'b{slot.p & 1 | slot.g & 1}", f"1'b{slot.g & 1 & ~slot.p & 1}"


def _shifted(function: int) -> int:
    """A truth table over I1, I2, I3 as one over I0..I3."""
    return sum(value(function, v >> 1) << v for v in range(16))


def _lut(name: str, nets: list[str], function: int, out: str) -> str:
    init = sum(value(function, v & ((1 << len(nets)) - 1)) << v for v in range(16))
    pins = "".join(f".I{k}({net}), " for k, net in enumerate([*nets, *["1'b0"] * (4 - len(nets))]))
    return f"SB_LUT4 #(.LUT_INIT(16'h{init:04x})) {name}({pins}.O({out}));"
