"""No device in mind: small additions, for any tool to map."""

from __future__ import annotations

from bnnhw.logic.cells import Chain
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.targets.base import Operand, SlotShape, Target, plain_slot

__all__ = ["Generic"]


class Generic(Target):
    """A slot adds two literals, inverted or not."""

    name = "generic"
    leaf = 3
    adds_constants = False

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        return plain_slot(x1, x2)

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # Synthesis has a place for the carry in and one for the carry out.
        return len(chain.slots) + int(chain.carry != 0) + int(chain.slots[-1].carry in used)
