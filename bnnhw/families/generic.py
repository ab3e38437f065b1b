"""The ``generic`` family: plain additions that any synthesis tool maps, for no certain device."""

from __future__ import annotations

from bnnhw.families.base import Family
from bnnhw.families.registry import register
from bnnhw.logic.cells import Chain
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays
from bnnhw.logic.portable import portable_cells
from bnnhw.logic.target import Operand, SlotShape, Target, plain_slot
from bnnhw.logic.writer import Names

__all__ = ["GENERIC", "Generic"]


class Generic(Target):
    """A slot adds two literals, inverted or not; netlists are written as plain Verilog."""

    name = "generic"
    delays = Delays(lut_ns=1.4, chain_ns=2.0, slot_ns=0.13, register_ns=1.2)
    leaf = 3
    adds_constants = False

    def instances(self, names: Names) -> list[str]:
        return portable_cells(names)

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        return plain_slot(x1, x2)

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # Synthesis uses one slot for the carry in and one for the carry out.
        return len(chain.slots) + int(chain.carry != 0) + int(chain.slots[-1].carry in used)


GENERIC = register(Family("generic", "portable Verilog, no device in mind", Generic()))
