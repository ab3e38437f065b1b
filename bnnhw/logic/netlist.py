"""Counting hardware as data: cells, and claims about the numbers that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.logic.cells import FALSE, Cell, Chain, Function, Lut, Slot, invert, literal
from bnnhw.logic.tables import constant_of, table

if TYPE_CHECKING:
    from bnnhw.logic.whole import Reached, Whole

__all__ = ["Netlist", "Number", "Sum"]


@dataclass(frozen=True)
class Number:
    """An unsigned number: literals from the lowest bit on, with a bound.

    Parameters
    ----------
    lits : tuple of int
    top : int
        It is never larger.
    """

    lits: tuple[int, ...]
    top: int

    @property
    def width(self) -> int:
        return len(self.lits)

    @property
    def negated(self) -> Number:
        """``2**width - 1`` minus the number."""
        return Number(tuple(invert(x) for x in self.lits), (1 << self.width) - 1)

    @property
    def doubled(self) -> Number:
        return Number((FALSE, *self.lits), 2 * self.top)


@dataclass(frozen=True)
class Sum:
    """The claim that ``number = sum of addends + sum of products + const``.

    A carry that leaves the highest literal of ``number`` is proven to be 0, or ignored if the sum
    ``wraps``.

    Parameters
    ----------
    number : Number
    addends : tuple of Number
    products : tuple of (int, ...)
        Literals whose exclusive nor is counted: one for a plain bit, two for a product.
    const : int
    chain : Chain
    wraps : bool
    """

    number: Number
    addends: tuple[Number, ...]
    products: tuple[tuple[int, ...], ...]
    const: int
    chain: Chain
    wraps: bool = False


@dataclass
class Netlist:
    """Cells and claims, as they are added.

    Attributes
    ----------
    inputs : int
        Bits 1..inputs come from outside.
    cells : list of Cell
    sums : list of Sum
    wholes : list of Whole or Reached
        What sums come to, see ``whole``.
    outputs : list of int
        Literals.
    """

    inputs: int
    cells: list[Cell] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    wholes: list[Whole | Reached] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bits = self.inputs + 1
        self._luts: dict[tuple[tuple[int, ...], int], int] = {}

    def input(self, k: int) -> int:
        """Literal of input k."""
        return literal(k + 1)

    def new_bit(self) -> int:
        self.bits += 1
        return self.bits - 1

    def lut(self, lits: Sequence[int], function: int) -> int:
        """Literal of a function of literals; equal functions are made once.

        Parameters
        ----------
        lits : sequence of int
            Distinct bits.
        function : int
            Table over them.
        """
        order = sorted(range(len(lits)), key=lambda k: lits[k] >> 1)
        ins = tuple(lits[k] >> 1 for k in order)

        def at(*values: int) -> int:
            assignment = sum((values[position] ^ (lits[k] & 1)) << k
                             for position, k in enumerate(order))
            return (function >> assignment) & 1

        found = table(len(ins), at)
        constant = constant_of(found, len(ins))
        if constant is not None:
            return constant
        if (ins, found) not in self._luts:
            self._luts[ins, found] = out = self.new_bit()
            self.cells.append(Lut(out, ins, found))
        return literal(self._luts[ins, found])

    def chain(self, carry: int, slots: Sequence[tuple[tuple[int, ...], int, int]],
              inject: tuple[tuple[int, ...], int] | None = None) -> Chain:
        """Add a carry chain; each slot is ``(ins, p, g)``.

        ``inject``: bits and table of the carry, which ``carry`` is not used for then.
        """
        first = None
        if inject is not None:
            first = Function(self.new_bit(), *inject)
            carry = literal(first.out)
        made = Chain(carry, tuple(Slot(ins, p, g, self.new_bit(), self.new_bit())
                                  for ins, p, g in slots), first)
        self.cells.append(made)
        return made

    def used(self) -> set[int]:
        """Bits that a cell or an output reads, going back from the outputs."""
        wanted = {lit >> 1 for lit in self.outputs}
        for cell in reversed(self.cells):
            if self.live(cell, wanted):
                wanted.update(cell.reads)
        return wanted

    @staticmethod
    def live(cell: Cell, used: set[int]) -> bool:
        """Whether anything that a cell makes is used."""
        if isinstance(cell, Lut):
            return cell.out in used
        return any(bit in used for slot in cell.slots for bit in (slot.total, slot.carry))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs: bool ``[n, inputs]`` -> bool ``[n, outputs]``."""
        values = np.zeros((self.bits, len(x)), dtype=bool)
        values[1:self.inputs + 1] = x.T
        for cell in self.cells:
            for f in cell.functions:
                index = np.zeros(len(x), dtype=np.int64)
                for k, bit in enumerate(f.ins):
                    index |= values[bit].astype(np.int64) << k
                at = np.array([(f.table >> v) & 1 for v in range(1 << len(f.ins))], dtype=bool)
                values[f.out] = at[index]
        return np.stack([values[lit >> 1] ^ bool(lit & 1) for lit in self.outputs], axis=1) \
            if self.outputs else np.zeros((len(x), 0), dtype=bool)
