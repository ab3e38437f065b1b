"""Popcounts and bit heaps on standard cells: full adders and half adders, and gates.

Synthesis does not find the adder cells of a library by itself, as technology mapping covers single
functions and an adder cell has two outputs. Therefore they are written as instances. A popcount of
N bits has N - popcount(N) adders, the minimum for adders of at most three bits, and as many of them
as possible are full adders.

Areas are those of osu018 in gate equivalents, area / area(NAND2X1), from its LEF (FAX1, HAX1,
XNOR2X1, XOR2X1, INVX1, AND2X2); full adders of other libraries have 4.7 to 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.families.cells.writer import ADDERS, adders_of, standard_cells
from bnnhw.logic.cells import Chain, Function, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays
from bnnhw.logic.target import Operand, SlotShape, Target, plain_slot, wire_of
from bnnhw.logic.truth_tables import XNOR2, XOR3
from bnnhw.logic.writer import Names

__all__ = ["FULL_ADDER", "Cells"]

FULL_ADDER, HALF_ADDER = 5.0, 10 / 3
"""Gate equivalents of the two adder cells."""

GATES = {(1, 0b01): 2 / 3, (2, 0b0110): 7 / 3, (2, XNOR2): 7 / 3, (3, XOR3): 14 / 3,
         (3, ADDERS[3][1]): 3.0}
"""Gate equivalents of a function, by number of inputs and truth table."""

OTHERS = (0.0, 0.0, 4 / 3, 8 / 3, 4.0, 6.0, 8.0)
"""Gate equivalents of other functions by number of inputs: about one AND2 per further input."""


class Cells(Target):
    """A slot adds two wires and a carry; costs are in areas of a full adder.

    The delays are for osu018 (0.18 um, typical). OpenSTA reports 0.27 ns for a full adder and
    0.20 ns for an XNOR before layout, and for trees of 7 to 1,000 bits, where consecutive chains
    overlap, 0.16 ns per chain and 0.10 ns per slot; the remainder is for wires. The delays of
    another library scale with its full adder.
    """

    name = "cells"
    delays = Delays(lut_ns=0.25, chain_ns=0.2, slot_ns=0.15, register_ns=0.4)
    leaf = 3
    polarised = True
    adds_constants = False

    def instances(self, names: Names) -> list[str]:
        return standard_cells(names)

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


def _area(groups: Sequence[tuple[Function, ...]]) -> float:
    """Gate equivalents of cells; an adder cell has two functions, a gate one."""
    return sum((FULL_ADDER if len(group[0].ins) == 3 else HALF_ADDER) if len(group) == 2 else
               GATES.get((len(group[0].ins), group[0].table), OTHERS[len(group[0].ins)])
               for group in groups)
