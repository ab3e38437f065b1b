"""Popcounts and bit heaps on ECP5: chains of CCU2C, which has two slots of a LUT4 with carry."""

from __future__ import annotations

from bnnhw.families.ecp5.writer import ecp5_cells, ecp5_luts, ecp5_register, pins_of
from bnnhw.logic.cells import Chain
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays
from bnnhw.logic.target import Operand, SlotShape, Target, plain_slot
from bnnhw.logic.writer import Names

__all__ = ["Ecp5"]


class Ecp5(Target):
    """Slots add two functions of two bits each.

    Most of the delays is routing. nextpnr follows carries through the gaps of a sequence, so that
    a sequence of up to 8 slots, the slices of a tile, is a stage at 150 MHz.
    """

    name = "ecp5"
    delays = Delays(lut_ns=1.3, chain_ns=3.0, slot_ns=0.06, register_ns=0.8, max_fanout=16,
                    max_chain_slots=8)
    leaf = 5
    adds_constants = True
    entry_functions = True
    planned = True
    absorbs_products = True
    popcount_levels = 2

    def instances(self, names: Names) -> list[str]:
        return ecp5_cells(names)

    def instance_luts(self, names: Names) -> int:
        return ecp5_luts(names)

    def register(self, d: str, q: str) -> str:
        return ecp5_register(d, q)

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        shape = plain_slot(x1, x2)
        if pins_of(len(shape[0]), shape[1], shape[2]) is not None:
            return shape
        for in_luts in ((x1,), (x2,), (x1, x2)):
            a, b = (((netlist.lut(*x),), 0b10) if x in in_luts else x for x in (x1, x2))
            shape = plain_slot(a, b)
            if pins_of(len(shape[0]), shape[1], shape[2]) is not None:
                return shape
        raise AssertionError("two bits fit every slot")

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # The gap after a chain brings its carry out, and the carry of the next chain in.
        return len(chain.slots) + 1

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        # Where the next weight has nothing to add, two half adders make the chain longer.
        if not held and single and have >= 4 and above < 2:
            return 2, 2
        return super().takes(have, above, held, single)
