"""Cells of a netlist: lookup tables and carry chains, as functions of numbered bits.

A *bit* is an index into the netlist. Bits are numbered in the order in which they are added, so
that a cell reads only bits with lower numbers than those it drives. A *literal* is
``2 * bit + inverted``. Bit 0 is constantly 0: literal 0 is the constant 0, literal 1 the constant
1. A *truth table* is an integer whose bit ``v`` is the value at the assignment ``v``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["FALSE", "TRUE", "Cell", "Chain", "Function", "Lut", "Slot", "invert", "literal"]

FALSE, TRUE = 0, 1


def literal(bit: int) -> int:
    """The literal of a bit, not inverted."""
    return 2 * bit


def invert(lit: int) -> int:
    """The complement of a literal."""
    return lit ^ 1


@dataclass(frozen=True)
class Function:
    """One bit as a function of other bits.

    Parameters
    ----------
    out : int
        Bit that the function drives.
    ins : tuple of int
        Distinct bits that it reads.
    table : int
        Truth table over ``ins``.
    """

    out: int
    ins: tuple[int, ...]
    table: int


@dataclass(frozen=True)
class Lut(Function):
    """A lookup table (LUT): the cell of one function."""

    @property
    def functions(self) -> tuple[Function, ...]:
        """The function that the cell computes."""
        return (self,)

    @property
    def reads(self) -> tuple[int, ...]:
        """Bits that the cell reads."""
        return self.ins


@dataclass(frozen=True)
class Slot:
    """One slot of a carry chain: ``total = p xor carry in``, ``carry = p ? carry in : g``.

    With ``p = x1 xor x2`` and ``g = x1`` the slot is a full adder of x1, x2 and the carry in.

    Parameters
    ----------
    ins : tuple of int
        Bits that ``p`` and ``g`` are functions of.
    p, g : int
        Truth tables over ``ins``: propagate and generate.
    total, carry : int
        Bits that the slot drives: sum and carry out.
    """

    ins: tuple[int, ...]
    p: int
    g: int
    total: int
    carry: int


@dataclass(frozen=True)
class Chain:
    """A carry chain: each slot receives the carry of the slot before it.

    Parameters
    ----------
    carry : int
        Literal of the carry into the first slot.
    slots : tuple of Slot
        Lowest weight first.
    inject : Function or None
        The function that computes ``carry``, where the slot before the chain does that.
    """

    carry: int
    slots: tuple[Slot, ...]
    inject: Function | None = None

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Sum and carry of each slot as functions of its inputs and its carry in."""
        made = [] if self.inject is None else [self.inject]
        inverted_carry, into = self.carry & 1, self.carry >> 1
        for slot in self.slots:
            n = len(slot.ins)
            ins = slot.ins if into == 0 else (*slot.ins, into)
            flip, constant = inverted_carry, into == 0

            def carry_at(v: int, n: int = n, flip: int = flip, constant: bool = constant) -> int:
                return flip if constant else ((v >> n) & 1) ^ flip

            size = 1 << len(ins)
            mask = (1 << n) - 1
            total = sum((((slot.p >> (v & mask)) & 1) ^ carry_at(v)) << v
                        for v in range(size))
            carry = sum((carry_at(v) if (slot.p >> (v & mask)) & 1 else (slot.g >> (v & mask)) & 1)
                        << v for v in range(size))
            made += [Function(slot.total, ins, total), Function(slot.carry, ins, carry)]
            inverted_carry, into = 0, slot.carry
        return tuple(made)

    @cached_property
    def reads(self) -> tuple[int, ...]:
        """Bits that the cell reads."""
        first = (self.carry >> 1,) if self.inject is None else self.inject.ins
        return (*first, *(bit for slot in self.slots for bit in slot.ins))


Cell = Lut | Chain
"""What a netlist consists of."""
