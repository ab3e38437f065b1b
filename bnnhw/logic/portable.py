"""Writes cells as plain Verilog for any tool: sums with ``+``, truth tables as expressions."""

from __future__ import annotations

from bnnhw.logic.cells import Function, Slot
from bnnhw.logic.truth_tables import value
from bnnhw.logic.writer import Names

__all__ = ["expression", "portable_cells"]


def portable_cells(names: Names) -> list[str]:
    """Assignments for all live cells."""
    lines = []
    for lut in names.luts:
        stage = names.stage_of(lut)
        nets = [names.read(bit, stage) for bit in lut.ins]
        lines.append(f"assign {names.wire(lut.out)} = {expression(nets, lut.table)};")
    for number, chain in enumerate(names.chains):
        stage = names.stage_of(chain)
        assert not isinstance(chain.inject, Function)
        pairs = [_operands(names, slot, stage) for slot in chain.slots]
        a, b = (", ".join(pair[k] for pair in reversed(pairs)) for k in (0, 1))
        used = chain.slots[-1].carry in names.used
        width = len(pairs) + used
        head = "1'b0, " if used else ""
        if chain.carry:  # 1 + carry in a bit below both numbers makes the carry in
            carry = names.literal(chain.carry, stage)
            lines.append(f"wire [{width}:0] t{number} = {{{head}{a}, 1'b1}} + "
                         f"{{{head}{b}, {carry}}};")
        else:
            lines.append(f"wire [{width - 1}:0] t{number} = {{{head}{a}}} + {{{head}{b}}};")
        low = int(chain.carry != 0)
        for k, slot in enumerate(chain.slots):
            if slot.total in names.used:
                lines.append(f"assign {names.wire(slot.total)} = t{number}[{k + low}];")
        if used:
            top = width - 1 + low
            lines.append(f"assign {names.wire(chain.slots[-1].carry)} = t{number}[{top}];")
    return lines


def _operands(names: Names, slot: Slot, stage: int) -> tuple[str, str]:
    """Two expressions whose sum a slot adds: x1 = g where p is 0, and x2 = x1 xor p."""
    nets = [names.read(bit, stage) for bit in slot.ins]
    return expression(nets, slot.g), expression(nets, slot.p ^ slot.g)


def expression(nets: list[str], function: int) -> str:
    """A truth table over ``nets``, net 0 being the lowest bit of its index, as an expression."""
    size = 1 << len(nets)
    function &= (1 << size) - 1
    if function == 0:
        return "1'b0"
    if function == (1 << size) - 1:
        return "1'b1"
    for k, net in enumerate(nets):
        if function == sum((v >> k & 1) << v for v in range(size)):
            return net
        if function == sum((~v >> k & 1) << v for v in range(size)):
            return f"~{net}"
    parity = sum((v.bit_count() & 1) << v for v in range(size))
    if function in (parity, parity ^ ((1 << size) - 1)):
        return f"{'' if function == parity else '~'}({' ^ '.join(nets)})"
    terms = []
    for v in range(size):
        if value(function, v):
            terms.append("(" + " & ".join(net if v >> k & 1 else f"~{net}"
                                          for k, net in enumerate(nets)) + ")")
    if len(nets) == 3 and function == 0b11101000:
        a, b, c = nets
        return f"(({a} & {b}) | ({a} & {c}) | ({b} & {c}))"
    return "(" + " | ".join(terms) + ")"
