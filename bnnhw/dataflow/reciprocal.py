"""Division by a constant as a product with its reciprocal: exact constants, and the hardware."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned

from bnnhw.layers import Division
from bnnhw.logic.signed_digits import signed_digits
from bnnhw.rtl.popcount import balanced_sum

__all__ = ["DividedRange", "Reciprocal", "reciprocal"]

EXTRA_SHIFTS = 8
"""Shifts beyond the smallest exact one that are tried for a scale of fewer digits."""


@dataclass(frozen=True)
class Reciprocal:
    """``(scale * x + offset) >> shift``, which equals a rounded quotient for a range of ``x``.

    The division rounds ``x + bias`` down, and the bias depends on the sign of ``x``. A multiple
    ``d * base`` of the divisor d makes the dividend ``y = x + bias + d * base`` non-negative.
    With ``scale = ceil(2**shift / d)`` and ``excess = scale * d - 2**shift``,
    ``(y * scale) >> shift`` equals ``y // d`` for all y with ``y * excess < 2**shift``
    (Granlund and Montgomery, PLDI 1994). The fraction bits of ``y * scale`` are below ``scale``
    exactly where y is a multiple of d, which finds ties without a remainder.

    Parameters
    ----------
    low, high : int
        Range of ``x``.
    scale, shift : int
    offsets : (int, int)
        Offset of negative and of other numbers.
    clears_ties : bool
        A result whose fraction is below ``scale`` becomes even.
    limits : (int, int) or None
        Where the result saturates.
    """

    low: int
    high: int
    scale: int
    shift: int
    offsets: tuple[int, int]
    clears_ties: bool
    limits: tuple[int, int] | None

    @property
    def x_shape(self) -> Shape:
        """Shape of a signal for ``x``."""
        return _shape(self.low, self.high)

    @property
    def total_shape(self) -> Shape:
        """Shape of a signal for the sum before the shift."""
        negative, other = self.offsets
        ends = [x * self.scale + (negative if x < 0 else other)
                for x in {self.low, self.high, min(max(-1, self.low), self.high),
                          min(max(0, self.low), self.high)}]
        return _shape(min(ends), max(ends))

    @property
    def digits(self) -> int:
        """Shifted copies of ``x`` that the product adds up."""
        return len(signed_digits(self.scale))

    @property
    def registers(self) -> int:
        """Cycles from ``x`` to the result."""
        return 1 if self.scale == 1 else 2

    def divide(self, m: Module, x: Value, name: str) -> Value:
        """Make the hardware for one number; the result is valid ``registers`` cycles after it."""
        product = x
        if self.registers == 2:
            product = Signal(_shape(self.low * self.scale, self.high * self.scale),
                             name=f"{name}_product")
            m.d.sync += product.eq(balanced_sum([(x << k) if sign > 0 else -(x << k)
                                         for k, sign in signed_digits(self.scale)]))
        negative, other = self.offsets
        offset: Value = Const(other)
        if self.low < 0 and negative != other:
            offset = Mux(product < 0, negative, other)
        total = Signal(self.total_shape, name=f"{name}_total")
        m.d.sync += total.eq(product + offset)
        result: Value = total >> self.shift
        if self.clears_ties:
            tie, rounded = Signal(name=f"{name}_tie"), Signal.like(total, name=f"{name}_rounded")
            m.d.comb += [rounded.eq(result), tie.eq(total[:self.shift] < self.scale)]
            result = Cat(rounded[0] & ~tie, rounded[1:])
            result = result.as_signed() if rounded.shape().signed else result
        if self.limits is None:
            return result
        first, last = self.limits
        return Mux(result < first, first, Mux(result > last, last, result))


@functools.lru_cache(maxsize=256)
def reciprocal(division: Division, low: int, high: int) -> Reciprocal:
    """Find the constants of a division of integers ``low`` to ``high``."""
    divisor, (negative, other) = division.divisor, division.biases
    ends = {x + (negative if x < 0 else other) for x in (low, high)}
    if low < 0 <= high:
        ends |= {negative - 1, other}
    base = max(0, -(min(ends) // divisor))
    largest = max(ends) + divisor * base
    shift = (divisor - 1).bit_length()
    while largest * (-(1 << shift) % divisor) >= 1 << shift:
        shift += 1
    power = divisor & (divisor - 1) == 0
    scale, shift = min(((-(-(1 << k) // divisor), k)
                        for k in range(shift, shift + 1 + (0 if power else EXTRA_SHIFTS))
                        if largest * (-(1 << k) % divisor) < 1 << k),
                       key=lambda pair: len(signed_digits(pair[0])) * (
                           largest.bit_length() + pair[1]))
    excess = scale * divisor - (1 << shift)
    offsets = (negative * scale + base * excess, other * scale + base * excess)
    return Reciprocal(low, high, scale, shift, offsets, division.makes_ties_even,
                      division.limits)


def _shape(low: int, high: int) -> Shape:
    width = max((-low - 1).bit_length() if low < 0 else 0, high.bit_length() if high > 0 else 0)
    return signed(width + 1) if low < 0 else unsigned(max(width, 1))


@dataclass(frozen=True)
class DividedRange:
    """What units that divide have in common: a range of integers, and what divides it.

    Parameters
    ----------
    low, high : int
        Range of the integers.
    divisor : int
    rounding : str
    limits : (int, int) or None
        As in ``bnnhw.layers.Division``.
    """

    low: int
    high: int
    divisor: int
    rounding: str
    limits: tuple[int, int] | None

    @property
    def division(self) -> Division:
        """The integer function."""
        return Division(self.divisor, self.rounding, self.limits)

    @property
    def reciprocal(self) -> Reciprocal:
        """The constants of the hardware."""
        return reciprocal(self.division, self.low, self.high)
