"""Popcounts and bit heaps on AMD 7 series: LUT6 with two outputs, and CARRY4.

A LUT6_2 gives CARRY4 the propagate (O6) and generate (O5) functions of five inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.families.xc7.writer import pairs_of, xc7_cells, xc7_luts
from bnnhw.logic.cells import Chain, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays
from bnnhw.logic.target import Operand, SlotShape, Target, plain_slot, wire_of
from bnnhw.logic.writer import Names

__all__ = ["Xc7"]


class Xc7(Target):
    """A slot adds two functions of five bits in total, which absorb full and half adders."""

    name = "xc7"
    delays = Delays(lut_ns=0.9, chain_ns=1.2, slot_ns=0.04, register_ns=0.6)
    leaf = 6
    lut_inputs = 6
    adds_constants = True
    absorbs_products = True

    def instances(self, names: Names) -> list[str]:
        return xc7_cells(names)

    def instance_luts(self, names: Names) -> int:
        return xc7_luts(names)

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        shape = plain_slot(x1, x2)
        if len(shape[0]) <= 5:
            return shape
        a, b = sorted((x1, x2), key=lambda x: len(x[0]))
        return self.slot(netlist, a, ((netlist.lut(*b),), 0b10))

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # A slot that passes one bit on needs no LUT, and every carry of CARRY4 is an output.
        return sum(len(slot.ins) > 1 or slot.p == 0b01 for slot in chain.slots)

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        return wire_of(netlist, operand)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        return len(luts) - sum(len(pair) == 2 for pair in pairs_of(luts))

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        # With five inputs, slots add 2.5 bits each if neighbours share carries as follows.
        if not single or len(held) == 2:
            return super().takes(have, above, held, single)
        if held:
            return (min(have, 5 - held[0]),) if have else ()
        if have >= 5 and above < 2:
            return 3, 2
        return (3, 1) if have >= 4 else (1,) * min(have, 2)
