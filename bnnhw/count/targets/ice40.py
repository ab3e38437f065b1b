"""iCE40: SB_CARRY adds the very wires I1 and I2, so that a slot takes plain bits only."""

from __future__ import annotations

from bnnhw.count.netlist import Chain, Netlist
from bnnhw.count.targets.base import Operand, SlotShape, Target, plain_slot

__all__ = ["Ice40"]


class Ice40(Target):
    """Leaves of three bits."""

    name = "ice40"
    leaf = 3
    adds_constants = False

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        return plain_slot(*(_plain(netlist, x) for x in (x1, x2)))

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # A carry alone needs no lookup table; taking it out of the chain does.
        return sum(slot.total in used for slot in chain.slots) + \
            int(chain.slots[-1].carry in used)

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        return _plain(netlist, operand)[0][0]


def _plain(netlist: Netlist, operand: Operand) -> Operand:
    """An operand as a positive literal or a constant."""
    lits, function = operand
    if len(lits) == 1 and function == 0b10 and (lits[0] <= 1 or not lits[0] & 1):
        return operand
    return (netlist.lut(lits, function),), 0b10
