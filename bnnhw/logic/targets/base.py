"""What a target of counting hardware says about itself."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from bnnhw.logic.cells import Chain, Lut
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.truth_tables import table, value

__all__ = ["Operand", "SlotShape", "Target", "plain_slot", "wire_of"]

Operand = tuple[tuple[int, ...], int]
"""A function of literals that a slot adds: the literals, and a table over their values."""

SlotShape = tuple[tuple[int, ...], int, int]
"""Inputs of a slot (bits), and its tables p and g."""


class Target(abc.ABC):
    """How a family of devices counts.

    Attributes
    ----------
    name : str
    leaf : int
        Bits that a leaf counts.
    lut_inputs : int
    adds_constants : bool
        A chain takes a constant beside its two numbers for nothing.
    polarised : bool
        Chains add wires as they are: inverted bits need inverters.
    lut_adders : bool
        A single adder is as cheap of lookup tables as of a chain.
    entry_functions : bool
        The carry into a chain may be any function of two bits.
    planned : bool
        Chains of small sums are planned; an operand of a slot may be two bits, see ``fewest``.
    """

    name: ClassVar[str]
    leaf: ClassVar[int]
    lut_inputs: ClassVar[int] = 4
    adds_constants: ClassVar[bool]
    polarised: ClassVar[bool] = False
    lut_adders: ClassVar[bool] = False
    entry_functions: ClassVar[bool] = False
    planned: ClassVar[bool] = False

    def cost(self, netlist: Netlist) -> int:
        """Price of a netlist in lookup tables: each chain with its share of the places between.

        That is what sums cost as parts of something larger. What a whole takes also depends on its
        stages, and on how chains are put behind one another: ``text.luts_of``.
        """
        used = netlist.used()
        live = [cell for cell in netlist.cells if netlist.live(cell, used)]
        return self.lut_cost([c for c in live if isinstance(c, Lut)]) + \
            sum(self.chain_cost(c, used) for c in live if isinstance(c, Chain) and c.slots)

    def lut_cost(self, luts: Sequence[Lut]) -> int:
        return len(luts)

    @abc.abstractmethod
    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        """Lookup tables of a chain, with its share of the places between chains."""

    @abc.abstractmethod
    def slot(self, netlist: Netlist, x1: Operand, x2: Operand) -> SlotShape:
        """Shape a slot that adds two operands; what it cannot take becomes a lookup table."""

    def carry_in(self, netlist: Netlist, operand: Operand) -> int:
        """Literal of an operand as the carry into a chain."""
        lits, function = operand
        return lits[0] if function == 0b10 and len(lits) == 1 else netlist.lut(lits, function)

    def takes(self, have: int, above: int, held: tuple[int, ...],
              single: bool) -> tuple[int, ...]:
        """How many bits the operands of a slot take, at most two with those ``held``.

        Of a group of bits the slot adds the parity, and the slot above their carry.

        Parameters
        ----------
        have, above : int
            Bits that wait here and at the next weight.
        held : tuple of int
            Sizes of groups whose carries come in here.
        single : bool
            No bit is a product.
        """
        return (1,) * min(have, 2 - len(held))

    def leaves(self, bits: int, others: int, leaf: int) -> int:
        """Leaves of so many bits; each adder behind them takes one of the rest as its carry."""
        return max(0, min(bits // leaf, (bits - others + 1) // (leaf + 1)))

    def product_leaf(self, netlist: Netlist,
                     bits: Sequence[tuple[int, ...]]) -> tuple[int, int] | None:
        """Sum and carry of three bits that are products, if tables do it better than a slot."""
        return None


def wire_of(netlist: Netlist, operand: Operand) -> int:
    """An operand as a positive literal or a constant: itself, or a lookup table."""
    lits, function = operand
    if len(lits) == 1 and function == 0b10 and (lits[0] <= 1 or not lits[0] & 1):
        return lits[0]
    return netlist.lut(lits, function)


def plain_slot(x1: Operand, x2: Operand) -> SlotShape:
    """Join two operands over the bits that they read."""
    bits: dict[int, int] = {}
    places = tuple(tuple(((bits.setdefault(lit >> 1, len(bits)) if lit > 1 else -1), lit & 1)
                         for lit in lits) for lits, _ in (x1, x2))
    p, g = _join(len(bits), places[0], x1[1], places[1], x2[1])
    return tuple(bits), p, g


@lru_cache(maxsize=1 << 14)
def _join(inputs: int, places1: tuple[tuple[int, int], ...], function1: int,
          places2: tuple[tuple[int, int], ...], function2: int) -> tuple[int, int]:
    """Tables p and g of two operands, whose literals are (input or -1 for a constant, inverted)."""

    def at(places: tuple[tuple[int, int], ...], function: int, values: tuple[int, ...]) -> int:
        return value(function, sum(((values[place] if place >= 0 else 0) ^ flip) << k
                                   for k, (place, flip) in enumerate(places)))

    p = table(inputs, lambda *v: at(places1, function1, v) ^ at(places2, function2, v))
    return p, table(inputs, lambda *v: at(places1, function1, v))
