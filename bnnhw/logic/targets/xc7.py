"""7 series: a LUT6 with two outputs gives p (O6) and g (O5) of five inputs to CARRY4."""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.logic.cells import Chain, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.targets.base import Operand, SlotShape, Target, plain_slot, wire_of

__all__ = ["Xc7", "pairs_of"]

class Xc7(Target):
    """A slot adds two functions of five bits: full and half adders disappear into it."""

    name = "xc7"
    leaf = 6
    lut_inputs = 6
    adds_constants = True

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        shape = plain_slot(x1, x2)
        if len(shape[0]) <= 5:
            return shape
        a, b = sorted((x1, x2), key=lambda x: len(x[0]))
        return self.slot(netlist, a, ((netlist.lut(*b),), 0b10))

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # A slot that passes one bit on needs no table, and CARRY4 gives its carries away.
        return sum(len(slot.ins) > 1 or slot.p == 0b01 for slot in chain.slots)

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        return wire_of(netlist, operand)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        return len(luts) - sum(len(pair) == 2 for pair in pairs_of(luts))

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        # Five inputs; a slot takes 2.5 bits where its neighbours share the carries like this.
        if not single or len(held) == 2:
            return super().takes(have, above, held, single)
        if held:
            return (min(have, 5 - held[0]),) if have else ()
        if have >= 5 and above < 2:
            return 3, 2
        return (3, 1) if have >= 4 else (1,) * min(have, 2)


def pairs_of(luts: Sequence[Lut]) -> list[tuple[Lut, ...]]:
    """Put two tables of at most five inputs together into a LUT6 with two outputs."""
    pairs: list[tuple[Lut, ...]] = []
    waiting: dict[int, Lut] = {}
    for lut in luts:
        partner = next((k for k, other in waiting.items()
                        if len({*lut.ins, *other.ins}) <= 5), None) if len(lut.ins) <= 4 else None
        if partner is not None:
            pairs.append((waiting.pop(partner), lut))
        elif len(lut.ins) <= 4:
            waiting[lut.out] = lut
            if len(waiting) > 64:
                pairs.append((waiting.pop(next(iter(waiting))),))
        else:
            pairs.append((lut,))
    return pairs + [(lut,) for lut in waiting.values()]
