"""Full and half adders of standard cells, and gates as expressions.

``bnnhw_fa`` (a, b, c -> s, co) and ``bnnhw_ha`` (a, b -> s, co) stand for the cells of a library:
a flow maps them to these, and where there are none, to what adds the same bits.
"""

from __future__ import annotations

from bnnhw.logic.cells import Function
from bnnhw.logic.targets.cells import adders_of
from bnnhw.logic.text.module import Names
from bnnhw.logic.text.portable import expression

__all__ = ["standard_cells"]


def standard_cells(names: Names) -> list[str]:
    """Instances and assignments for all live cells."""
    lines = [_gate(names, lut.functions[0], names.stage_of(lut)) for lut in names.luts]
    for chain in names.chains:
        stage = names.stage_of(chain)
        for made in adders_of(chain, names.used):
            if len(made) == 1:
                lines.append(_gate(names, made[0], stage))
                continue
            total, carry = made
            pins = [f".{pin}({names.read(bit, stage)})"
                    for pin, bit in zip("abc", total.ins, strict=False)]
            pins += [f".s({names.wire(total.out)})", f".co({names.wire(carry.out)})"]
            cell = "bnnhw_fa" if len(total.ins) == 3 else "bnnhw_ha"
            lines.append(f"{cell} a{total.out}({', '.join(pins)});")
    return lines


def _gate(names: Names, function: Function, stage: int) -> str:
    nets = [names.read(bit, stage) for bit in function.ins]
    return f"assign {names.wire(function.out)} = {expression(nets, function.table)};"
