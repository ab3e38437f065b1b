"""Describes how a device family computes popcounts and bit heaps with LUTs and carry chains."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from bnnhw.logic.cells import Chain, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays, Schedule
from bnnhw.logic.truth_tables import table, value
from bnnhw.logic.writer import Names, module_text

__all__ = ["Operand", "SlotShape", "Target", "plain_slot", "wire_of"]

Operand = tuple[tuple[int, ...], int]
"""A summand of a carry-chain slot: literals, and a truth table over their values."""

SlotShape = tuple[tuple[int, ...], int, int]
"""Input bits of a slot, and its truth tables p (propagate) and g (generate)."""


class Target(abc.ABC):
    """The rules by which a family's LUTs and carry chains implement a bit heap.

    A chain is a row of slots. Each slot adds two operands and the carry of the slot below.

    Attributes
    ----------
    name : str
    delays : Delays
        Rough delays of its cells, which decide where registers go.
    leaf : int
        Bits that a leaf of an adder tree counts.
    lut_inputs : int
    adds_constants : bool
        A chain adds a constant in addition to its two numbers, without further cells.
    polarised : bool
        Chains add plain wires only: inverted bits need inverters.
    lut_adders : bool
        A single adder made of LUTs costs no more than one on a chain.
    entry_functions : bool
        The carry into a chain may be any function of two bits.
    planned : bool
        Chains of small sums are planned exactly, by ``logic.min_slots``; an operand of a slot may
        then be two bits.
    absorbs_products : bool
        The XNOR of a product is part of the first slot, so that a pipeline register fits before
        it without a LUT.
    popcount_levels : int
        Adder levels between two registers of a popcount whose weights change.
    """

    name: ClassVar[str]
    delays: ClassVar[Delays]
    leaf: ClassVar[int]
    lut_inputs: ClassVar[int] = 4
    adds_constants: ClassVar[bool]
    polarised: ClassVar[bool] = False
    lut_adders: ClassVar[bool] = False
    entry_functions: ClassVar[bool] = False
    planned: ClassVar[bool] = False
    absorbs_products: ClassVar[bool] = False
    popcount_levels: ClassVar[int] = 3

    @abc.abstractmethod
    def instances(self, names: Names) -> list[str]:
        """Verilog lines for all live cells of a netlist."""

    def instance_luts(self, names: Names) -> int | None:
        """LUTs of those lines; None where they are expressions that synthesis maps."""
        return None

    def register(self, d: str, q: str) -> str | None:
        """Verilog of a register from net ``d`` to net ``q`` that synthesis keeps as it is.

        None: registers are plain Verilog. Needed where ``delays`` limits fan-out, as synthesis
        merges equal plain registers.
        """
        return None

    def module(self, name: str, netlist: Netlist, schedule: Schedule, behaviour: str = "") -> str:
        """Verilog of a netlist as a module, see ``writer.module_text``."""
        return module_text(name, netlist, schedule, self.instances, self.register, behaviour)

    def luts(self, netlist: Netlist, schedule: Schedule) -> int:
        """LUTs of a netlist as it is written, with its pipeline stages.

        Where the netlist is written as instances, the count comes from the same slots that are
        written: the chains of a stage follow each other in sequences of limited length. The count
        is exact for ECP5; on iCE40 and the 7 series, Yosys merges a few LUTs of a layer more.
        Where synthesis maps expressions, the count is ``cost``.
        """
        found = self.instance_luts(Names(netlist, schedule))
        if found is None:
            return self.cost(netlist)
        return found + len({lit for lit in netlist.outputs if lit > 1 and lit & 1})  # inverters

    def cost(self, netlist: Netlist) -> int:
        """LUTs of a netlist, each chain with its share of the gaps between chains.

        This is the price of sums as parts of something larger. The LUTs of a complete netlist also
        depend on its stages and on the sequences of its chains, see ``luts``.
        """
        used = netlist.used()
        live = [cell for cell in netlist.cells if netlist.live(cell, used)]
        return self.lut_cost([c for c in live if isinstance(c, Lut)]) + \
            sum(self.chain_cost(c, used) for c in live if isinstance(c, Chain) and c.slots)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        """LUTs that some logic functions occupy."""
        return len(luts)

    @abc.abstractmethod
    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        """LUTs of a chain, with its share of the gaps between chains."""

    @abc.abstractmethod
    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        """Shape of a slot that adds two operands; what does not fit into it becomes a LUT."""

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        """Literal of an operand as the carry into a chain."""
        lits, function = operand
        return lits[0] if function == 0b10 and len(lits) == 1 else netlist.lut(lits, function)

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        """Numbers of bits in the operands of a slot, which has at most two with those ``held``.

        The slot adds the parity of a group of bits, and the slot above it adds their carry.

        Parameters
        ----------
        have, above : int
            Bits of the heap that remain at this weight and at the next one.
        held : tuple of int
            Sizes of groups of the slot below whose carries this slot adds.
        single : bool
            No bit is a product.
        """
        return (1,) * min(have, 2 - len(held))

    def leaves(self, bits: int, others: int, leaf: int) -> int:
        """Number of leaves for ``bits`` bits; each adder above takes one more bit as its carry."""
        return max(0, min(bits // leaf, (bits - others + 1) // (leaf + 1)))

    def product_leaf(self, netlist: Netlist,
                     bits: Sequence[tuple[int, ...]]) -> tuple[int, int] | None:
        """Sum and carry of three products, where LUTs are cheaper than a slot."""
        return None


def wire_of(netlist: Netlist, operand: Operand) -> int:
    """An operand as a positive literal or a constant: itself, or the output of a LUT."""
    lits, function = operand
    if len(lits) == 1 and function == 0b10 and (lits[0] <= 1 or not lits[0] & 1):
        return lits[0]
    return netlist.lut(lits, function)


def plain_slot(x1: Operand, x2: Operand) -> SlotShape:
    """Shape of a slot whose inputs are the bits that two operands read."""
    bits: dict[int, int] = {}
    literals = tuple(tuple(((bits.setdefault(lit >> 1, len(bits)) if lit > 1 else -1), lit & 1)
                         for lit in lits) for lits, _ in (x1, x2))
    p, g = _join(len(bits), literals[0], x1[1], literals[1], x2[1])
    return tuple(bits), p, g


@lru_cache(maxsize=1 << 14)
def _join(inputs: int, literals1: tuple[tuple[int, int], ...], function1: int,
          literals2: tuple[tuple[int, int], ...], function2: int) -> tuple[int, int]:
    """Tables p and g of two operands, whose literals are (input or -1 for a constant, inverted)."""

    def operand(literals: tuple[tuple[int, int], ...], function: int,
                values: tuple[int, ...]) -> int:
        return value(function, sum(((values[at] if at >= 0 else 0) ^ flip) << k
                                   for k, (at, flip) in enumerate(literals)))

    p = table(inputs, lambda *v: operand(literals1, function1, v)
              ^ operand(literals2, function2, v))
    return p, table(inputs, lambda *v: operand(literals1, function1, v))
