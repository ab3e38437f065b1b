"""Writes netlists as full adders, half adders and expressions, for standard-cell flows.

``bnnhw_fa`` (a, b, c -> s, co) and ``bnnhw_ha`` (a, b -> s, co) are generic adder cells. A flow
maps them to the adder cells of a library, or to gates where it has none.
"""

from __future__ import annotations

from bnnhw.logic.cells import Chain, Function
from bnnhw.logic.portable import expression
from bnnhw.logic.truth_tables import XOR3, maj3, table, xor
from bnnhw.logic.writer import Names

__all__ = ["ADDERS", "adders_of", "standard_cells"]

ADDERS = {3: (XOR3, table(3, maj3)), 2: (table(2, xor), 0b1000)}
"""Truth tables of sum and carry, by number of inputs."""


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


def adders_of(chain: Chain, used: set[int]) -> list[tuple[Function, ...]]:
    """Split a chain into cells: sum and carry where an adder cell computes both, else one function.

    A gate replaces an adder where only one of its outputs is read, or where an input is constant.
    """
    made: list[tuple[Function, ...]] = []
    functions, read = chain.functions, False
    for total, carry in zip(functions[-2::-2], functions[::-2], strict=True):
        wanted = tuple(f for f in (total, carry) if f.out in used or (f is carry and read))
        read = bool(wanted)
        if len(wanted) == 2 and ADDERS.get(len(total.ins)) == (total.table, carry.table):
            made.append(wanted)
        else:
            made += [(f,) for f in reversed(wanted)]
    return made[::-1]
