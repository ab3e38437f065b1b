"""Popcounts and bit heaps on iCE40, whose carry chains add plain wires only.

SB_CARRY reads the same wires I1 and I2 as the LUT of its slot, before any function of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.families.ice40.writer import ice40_cells, ice40_luts
from bnnhw.logic.cells import Chain
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays
from bnnhw.logic.target import Operand, SlotShape, Target, plain_slot, wire_of
from bnnhw.logic.truth_tables import XNOR2, table
from bnnhw.logic.writer import Names

__all__ = ["Ice40"]


class Ice40(Target):
    """Slots add two plain wires; single adders are LUTs, which also add inverted bits."""

    name = "ice40"
    delays = Delays(lut_ns=1.4, chain_ns=2.0, slot_ns=0.13, register_ns=1.2)
    leaf = 3
    polarised = True
    lut_adders = True
    adds_constants = False

    def instances(self, names: Names) -> list[str]:
        return ice40_cells(names)

    def instance_luts(self, names: Names) -> int:
        return ice40_luts(names)

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        return plain_slot(*(((wire_of(netlist, x),), 0b10) for x in (x1, x2)))

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # A carry alone needs no LUT; bringing it out of the chain does.
        return sum(slot.total in used for slot in chain.slots) + \
            int(chain.slots[-1].carry in used)

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        return wire_of(netlist, operand)

    def product_leaf(self, netlist: Netlist,
                     bits: Sequence[tuple[int, ...]]) -> tuple[int, int] | None:
        x1, x2, x3 = bits
        if len({lit >> 1 for x in bits for lit in x}) < sum(len(x) for x in bits):
            return None  # a LUT reads each bit once
        both = netlist.lut((*x1, *x2), table(len(x1) + len(x2), lambda *v: _product(v[:len(x1)])
                                             != _product(v[len(x1):])))
        total = netlist.lut((both, *x3), table(1 + len(x3), lambda p, *v: p != _product(v)))
        first = x1[0] if len(x1) == 1 else netlist.lut(x1, XNOR2)
        carry = netlist.lut((both, *x3, first),
                            table(2 + len(x3), lambda p, *v: _product(v[:-1]) if p else v[-1]))
        return total, carry


def _product(bits: Sequence[int]) -> bool:
    """A bit alone, or the exclusive nor of two."""
    return bool((sum(bits) + len(bits) - 1) & 1)
