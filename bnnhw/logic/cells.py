"""Cells of counting hardware: functions of bits, lookup tables, carry chains.

A *bit* is an index; bits are numbered in the order in which they are made, so that a cell reads
lower bits only. A *literal* is ``2 * bit + inverted``. Bit 0 is constantly 0: literal 0 is 0 and
literal 1 is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["FALSE", "TRUE", "Cell", "Chain", "Function", "Lut", "Slot", "invert", "literal"]

FALSE, TRUE = 0, 1


def literal(bit: int) -> int:
    return 2 * bit


def invert(lit: int) -> int:
    return lit ^ 1


@dataclass(frozen=True)
class Function:
    """One bit as a function of other bits: what certificate and simulation read.

    Parameters
    ----------
    out : int
    ins : tuple of int
        Bits, distinct.
    table : int
    """

    out: int
    ins: tuple[int, ...]
    table: int


@dataclass(frozen=True)
class Lut:
    """A lookup table."""

    out: int
    ins: tuple[int, ...]
    table: int

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        return (Function(self.out, self.ins, self.table),)

    @property
    def reads(self) -> tuple[int, ...]:
        return self.ins


@dataclass(frozen=True)
class Slot:
    """One position of a carry chain: ``sum = p xor carry``, ``carry out = p ? carry : g``.

    With ``p = x1 xor x2`` and ``g = x1`` it adds x1, x2 and the carry.

    Parameters
    ----------
    ins : tuple of int
        Bits that ``p`` and ``g`` are functions of.
    p, g : int
        Tables.
    total, carry : int
        Bits: sum and carry out.
    """

    ins: tuple[int, ...]
    p: int
    g: int
    total: int
    carry: int


@dataclass(frozen=True)
class Chain:
    """Slots behind one another.

    Parameters
    ----------
    carry : int
        Literal that goes into the first slot.
    slots : tuple of Slot
    inject : Function or None
        Where the place in front of the chain computes ``carry``: that bit and how.
    """

    carry: int
    slots: tuple[Slot, ...]
    inject: Function | None = None

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Sum and carry of each slot as functions of its inputs and the carry in front of it."""
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
        first = (self.carry >> 1,) if self.inject is None else self.inject.ins
        return (*first, *(bit for slot in self.slots for bit in slot.ins))


Cell = Lut | Chain
