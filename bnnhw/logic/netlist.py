"""The netlist of unrolled logic: lookup tables and carry chains, with claims about their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bnnhw.logic.cells import Cell, Chain, Function, Lut, Slot, literal
from bnnhw.logic.claims import ChainClaim, Claim
from bnnhw.logic.truth_tables import constant_of, table

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Netlist"]


@dataclass
class Netlist:
    """Cells in topological order, and the claims that ``certificate`` proves about them.

    Parameters
    ----------
    inputs : int
        Number of input bits; they have the indices 1 to ``inputs``.
    cells : list of Cell
        Each cell reads only inputs and outputs of earlier cells.
    chain_claims : list of ChainClaim
        What each carry chain or adder computes.
    sum_claims : list of Claim
        What several chains together compute, and what comparisons compute.
    outputs : list of int
        Literals of the output bits.
    """

    inputs: int
    cells: list[Cell] = field(default_factory=list)
    chain_claims: list[ChainClaim] = field(default_factory=list)
    sum_claims: list[Claim] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bits = self.inputs + 1
        self._luts: dict[tuple[tuple[int, ...], int], int] = {}

    def input(self, k: int) -> int:
        """Literal of input ``k``, counted from 0."""
        return literal(k + 1)

    def new_bit(self) -> int:
        """Reserve the index of a new bit."""
        self.bits += 1
        return self.bits - 1

    def lut(self, lits: Sequence[int], function: int) -> int:
        """Literal of a function of literals; equal functions share one lookup table.

        Parameters
        ----------
        lits : sequence of int
            Literals of distinct bits, at most six.
        function : int
            Truth table over the values of ``lits``.
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
        """Add a carry chain.

        Parameters
        ----------
        carry : int
            Literal of the carry into the first slot.
        slots : sequence of (bits, int, int)
            For each slot its input bits and the truth tables ``p`` and ``g``, see ``Slot``.
        inject : (bits, int) or None
            Input bits and truth table of a function that replaces ``carry``.
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
        """Bits that some output depends on."""
        wanted = {lit >> 1 for lit in self.outputs}
        for cell in reversed(self.cells):
            if self.live(cell, wanted):
                wanted.update(cell.reads)
        return wanted

    @staticmethod
    def live(cell: Cell, used: set[int]) -> bool:
        """Whether a cell drives a bit in ``used``."""
        if isinstance(cell, Lut):
            return cell.out in used
        return any(bit in used for slot in cell.slots for bit in (slot.total, slot.carry))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """Compute the outputs: bool ``[n, inputs]`` -> bool ``[n, outputs]``."""
        import numpy as np  # late: device families import this module, and lists need no numpy

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
