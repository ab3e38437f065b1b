"""Standard cells: full adders and half adders as they are, gates for the rest.

Synthesis does not find the adder cells of a library by itself (a cell with two outputs is nothing
that technology mapping of single functions looks for), so that they are instances here. A popcount
of N bits takes N - popcount(N) of them, which is the least that counts with adders of at most
three bits can do, and as many of them as can be are full.

Areas are those of the cells of osu018 in gate equivalents, area / area(NAND2X1), from its LEF
(FAX1, HAX1, XNOR2X1, XOR2X1, INVX1, AND2X2); other libraries have 4.7 to 5.3 for the full adder.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.logic.cells import Chain, Function, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.targets.base import Operand, SlotShape, Target, plain_slot, wire_of
from bnnhw.logic.truth_tables import XNOR2, XOR3, maj3, table, xor

__all__ = ["FULL_ADDER", "Cells", "adders_of"]

FULL_ADDER, HALF_ADDER = 5.0, 10 / 3
"""Gate equivalents of the cells with two outputs."""

ADDERS = {3: (XOR3, table(3, maj3)), 2: (table(2, xor), 0b1000)}
"""Tables of sum and carry, by number of inputs."""

GATES = {(1, 0b01): 2 / 3, (2, 0b0110): 7 / 3, (2, XNOR2): 7 / 3, (3, XOR3): 14 / 3,
         (3, ADDERS[3][1]): 3.0}
"""Gate equivalents of a function, by number of inputs and table."""

OTHERS = (0.0, 0.0, 4 / 3, 8 / 3, 4.0, 6.0, 8.0)
"""Those of other functions, by number of inputs: an AND2 or OR2, and about one more an input."""


class Cells(Target):
    """A slot adds two wires and a carry; costs are in areas of a full adder."""

    name = "cells"
    leaf = 3
    polarised = True
    adds_constants = False

    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        return plain_slot(*(((wire_of(netlist, x),), 0b10) for x in (x1, x2)))

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        return wire_of(netlist, operand)

    def cost(self, netlist: Netlist) -> int:
        return round(self.area(netlist) / FULL_ADDER)

    def area(self, netlist: Netlist) -> float:
        """Gate equivalents of a netlist without its registers."""
        used = netlist.used()
        live = [cell for cell in netlist.cells if netlist.live(cell, used)]
        return sum(_area([cell.functions]) if isinstance(cell, Lut) else
                   _area(adders_of(cell, used)) for cell in live)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        return round(_area([lut.functions for lut in luts]) / FULL_ADDER)

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        return round(_area(adders_of(chain, used)) / FULL_ADDER)


def adders_of(chain: Chain, used: set[int]) -> list[tuple[Function, ...]]:
    """Take a chain apart: sum and carry where one adder cell makes both, or functions alone.

    Gates are smaller where only one of the two is read, and they do what a constant leaves.
    """
    made: list[tuple[Function, ...]] = []
    functions, read = chain.functions, False
    for total, carry in zip(functions[-2::-2], functions[::-2], strict=True):
        wanted = tuple(f for f in (total, carry) if f.out in used or (f is carry and read))
        read = bool(wanted)
        if len(wanted) == 2 and ADDERS.get(len(total.ins)) == (total.table, carry.table):
            made.append(wanted)
        else:
            made += [(f,) for f in reversed(wanted)]
    return made[::-1]


def _area(groups: Sequence[tuple[Function, ...]]) -> float:
    """Gate equivalents of adder cells, which are pairs, and of gates."""
    return sum((FULL_ADDER if len(group[0].ins) == 3 else HALF_ADDER) if len(group) == 2 else
               GATES.get((len(group[0].ins), group[0].table), OTHERS[len(group[0].ins)])
               for group in groups)
