"""ECP5: CCU2C, two slots of a LUT4 with carry each.

A slot computes ``S = L4(A, B, C, D) ^ CIN`` and ``COUT = L4 ? CIN : L2(A, B)``; L2 is the part of
L4's table where C = D = 0 (Lattice TN1262, and the cell model of Yosys). A slot with three inputs
ties D to 1, which leaves L2 free; with four, L2 has to agree with L4 there.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

from bnnhw.logic.cells import Chain
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.targets.base import Operand, SlotShape, Target, plain_slot
from bnnhw.logic.truth_tables import value

__all__ = ["Ecp5", "pins_of"]

class Ecp5(Target):
    """Slots add functions of two bits each."""

    name = "ecp5"
    leaf = 5
    adds_constants = True
    entry_functions = True
    planned = True

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        shape = plain_slot(x1, x2)
        if pins_of(len(shape[0]), shape[1], shape[2]) is not None:
            return shape
        for ways in ((x1,), (x2,), (x1, x2)):
            a, b = (((netlist.lut(*x),), 0b10) if x in ways else x for x in (x1, x2))
            shape = plain_slot(a, b)
            if pins_of(len(shape[0]), shape[1], shape[2]) is not None:
                return shape
        raise AssertionError("two bits fit every slot")

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        # The place behind takes the carry out, puts that of the next chain in, or keeps both apart.
        return len(chain.slots) + 1

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        # Where the next weight has nothing to add, two half adders make the chain longer.
        if not held and single and have >= 4 and above < 2:
            return 2, 2
        return super().takes(have, above, held, single)


@lru_cache(maxsize=1 << 14)
def pins_of(inputs: int, p: int, g: int) -> tuple[tuple[int, ...], int] | None:
    """Find pins and INIT of a slot.

    Returns
    -------
    (input on each of the pins A..D, -1 for 0 and -2 for 1; INIT), or None if it does not fit.
    """
    if inputs > 4:
        return None
    for order in permutations(range(inputs)):
        if inputs == 4:
            found = _init(order, inputs, p, g)
            pins = order
        else:
            pins = (*order, *(-1,) * (3 - inputs), -2)
            found = _init(pins, inputs, p, g)
        if found is not None:
            return pins, found
    return None


def _init(pins: tuple[int, ...], inputs: int, p: int, g: int) -> int | None:
    """INIT with ``pins``, or None if g is no function of A and B, or disagrees with p."""
    init, known = 0, 0
    for v in range(1 << inputs):
        at = sum((1 if pin == -2 else 0 if pin == -1 else v >> pin & 1) << k
                 for k, pin in enumerate(pins))
        init |= value(p, v) << at
        known |= 1 << at
    for v in range(1 << inputs):
        if value(p, v):
            continue  # the carry passes: g does not matter
        at = sum((1 if pin == -2 else 0 if pin == -1 else v >> pin & 1) << k
                 for k, pin in enumerate(pins)) & 3
        wanted = value(g, v)
        if known >> at & 1 and init >> at & 1 != wanted:
            return None
        init |= wanted << at
        known |= 1 << at
    return init
