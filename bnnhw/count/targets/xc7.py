"""7 series: a LUT6 with two outputs gives p (O6) and g (O5) of five inputs to CARRY4."""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.count.netlist import Chain, Lut, Netlist
from bnnhw.count.tables import maj3, table, xor
from bnnhw.count.targets.base import Operand, SlotShape, Target, plain_slot

__all__ = ["Xc7", "pairs_of"]

XOR2, AND2, XOR3, MAJ3 = 0b0110, 0b1000, table(3, xor), table(3, maj3)


class Xc7(Target):
    """Leaves of six bits: a full and a half adder disappear into the two slots."""

    name = "xc7"
    leaf = 6
    adds_constants = True

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        shape = plain_slot(x1, x2)
        if len(shape[0]) <= 5:
            return shape
        a, b = sorted((x1, x2), key=lambda x: len(x[0]))
        return self.slot(netlist, a, ((netlist.lut(*b),), 0b10))

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # A slot that passes one bit on needs no table, and CARRY4 gives its carries away.
        return sum(len(slot.ins) > 1 for slot in chain.slots)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        return len(luts) - sum(len(pair) == 2 for pair in pairs_of(luts))

    def leaf_slots(self, bits: Sequence[int]) -> tuple[list[tuple[Operand, Operand]], int]:
        a, b, c, d, e, carry = bits
        return [(((a, b, c), XOR3), ((d, e), XOR2)), (((a, b, c), MAJ3), ((d, e), AND2))], carry


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
