"""Adds sums and comparisons with constants to a netlist, in the cells of a device family."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from bnnhw.logic.cells import FALSE, TRUE
from bnnhw.logic.claims import ComparisonClaim, Number, Product, SumClaim
from bnnhw.logic.compressor import Compressor
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.target import Target

__all__ = ["NOTHING", "SumBuilder"]

NOTHING = Number((), 0)
"""The number 0 without any bit."""

PRICE_OF_KEPT_BIT = 1.5
"""Lookup tables that a bit counts as which a sum leaves to the sums that use it."""


class SumBuilder:
    """Adds sums to a netlist, together with the claims that prove them.

    Parameters
    ----------
    netlist : Netlist
        Receives the cells and claims.
    target : Target
        The cells of the device family.
    """

    def __init__(self, netlist: Netlist, target: Target) -> None:
        self.netlist, self.target = netlist, target
        self._levels: dict[int, int] = {}

    def total(self, bits: Sequence[Product], numbers: Sequence[Number] = (), const: int = 0,
              width: int | None = None, max_value: int | None = None) -> Number:
        """Add bits, numbers and a constant.

        Parameters
        ----------
        bits : sequence of Product
            Bits of weight 1.
        numbers : sequence of Number
        const : int
            May be negative only if ``width`` or ``max_value`` is given.
        width : int or None
            Compute the sum modulo ``2**width``, in exactly ``width`` bits; None for the exact sum.
        max_value : int or None
            The sum is known to lie between 0 and this value.

        Raises
        ------
        ValueError
            The constant is negative, and neither ``width`` nor ``max_value`` is given.
        """
        if width is None and max_value is None and const < 0:
            raise ValueError(f"the constant {const} is negative: give the width of the sum, or "
                             "its largest value")
        if max_value is None:
            max_value = len(bits) + sum(n.max_value for n in numbers) + const
            if width is not None:
                max_value = (1 << width) - 1
        wraps, width = width is not None, max_value.bit_length() if width is None else width
        heap = self._heap(bits, numbers, const, width)
        lits = self._compress(heap, width)
        number = Number(lits, max_value)
        self.netlist.sum_claims.append(SumClaim(number, tuple(numbers), tuple(bits), const,
                                                tuple(heap.parts), (), wraps))
        return number

    def partial_total(self, bits: Sequence[Product], numbers: Sequence[Number], keep: int,
                      const: int = 0, max_value: int | None = None,
                      high: int | None = None) -> tuple[Number, tuple[Product, ...]]:
        """Add the bits that fill adders, and return up to ``keep`` other bits uncounted.

        Each chain that later adds the number can take one more bit as its carry in, at no cost.

        Parameters
        ----------
        bits, numbers, const, max_value
            As for ``total``.
        keep : int
            Largest number of bits to return.
        high : int or None
            Upper bound of the complete sum.

        Returns
        -------
        Number, tuple of Product
            The sum, and the bits that it does not contain.
        """
        if not numbers and len(bits) <= keep and not const:
            return NOTHING, tuple(bits)
        left = 0
        if keep and max_value is None:
            left = min(range(min(keep, len(bits)) + 1),
                       key=lambda n: self._cost(len(bits) - n, numbers) + PRICE_OF_KEPT_BIT * n)
        used = len(bits) - left
        if max_value is None and high is not None:
            max_value = high - left
        return self.total(bits[:used], numbers, const, None, max_value), tuple(bits[used:])

    def _cost(self, bits: int, numbers: Sequence[Number]) -> int:
        """Number of lookup tables that add bits and numbers."""
        heights = [bits] + [0] * max((n.width - 1 for n in numbers), default=0)
        for number in numbers:
            for k, lit in enumerate(number.lits):
                heights[k] += lit > 1
        return _heap_cost(self.target, tuple(heights))

    def at_least(self, bits: Sequence[Product], numbers: Sequence[Number],
                 limits: Sequence[int], low: int = 0, high: int | None = None) -> list[int]:
        """Compare a sum with constants: one literal of ``sum >= limit`` for each limit.

        Parameters
        ----------
        bits : sequence of Product
            Bits of weight 1.
        numbers : sequence of Number
            Exact, or modulo a power of two that exceeds ``high - low``.
        limits : sequence of int
        low, high : int
            Bounds of the sum; by default 0 and the largest value that the numbers allow.
        """
        if high is None:
            high = len(bits) + sum(n.max_value for n in numbers)
        inner = sorted({t for t in limits if low < t <= high})
        if not bits and len(numbers) == 1:
            found = {t: self.reaches(numbers[0], t, low, high) for t in inner}
        elif len(inner) > 1:
            number = self.total(bits, numbers, 0, (high - low).bit_length())
            found = {t: self.reaches(number, t, low, high) for t in inner}
        else:
            found = {t: self._compare(bits, numbers, t, low, high) for t in inner}
        return [found.get(t, TRUE if t <= low else FALSE) for t in limits]

    def reaches(self, number: Number, limit: int, low: int, high: int) -> int:
        """Compare a sum that exists with a constant, by lookup tables from the lowest bit on.

        Parameters
        ----------
        number : Number
            The sum modulo ``2**number.width``.
        limit : int
        low, high : int
            Bounds of the sum.

        Returns
        -------
        int
            Literal of ``sum >= limit``.
        """
        size = 1 << number.width
        shift = low >> number.width << number.width
        at, first, last = limit - shift, low - shift, high - shift
        lits = list(number.lits)
        if last >= size and first >= size // 2 and last < size + size // 2:
            # Inverting the highest bit adds half of the modulus.
            lits[-1] ^= 1
            at, first, last = at - size // 2, first - size // 2, last - size // 2
        if last < size:
            found = self._above(lits, at)
        elif at >= size:
            # A sum that reaches the limit has wrapped: its residue is at least that of the limit,
            # and below the residues of the sums that did not wrap.
            begin = _roundest(last - size + 1, first)
            found = Compressor.lookup(self.netlist, [self._above(lits, at - size),
                                                     self._above(lits, begin)], 0b0010)
        else:
            end = _roundest(last - size + 1, first)
            found = Compressor.lookup(self.netlist, [self._above(lits, at),
                                                     self._above(lits, end)], 0b1011)
        self.netlist.sum_claims.append(ComparisonClaim(found, number, limit, low, high))
        return found

    def _above(self, lits: Sequence[int], limit: int) -> int:
        """Literal of ``number >= limit`` for an exact number."""
        if limit <= 0:
            return TRUE
        bits = [(lit, limit >> k & 1) for k, lit in enumerate(lits)]
        while not bits[0][1]:
            del bits[0]
        found = bits.pop(0)[0]
        group = self.target.lut_inputs - 1
        for first in range(0, len(bits), group):
            part = bits[first:first + group]
            wanted = sum(want << k for k, (_, want) in enumerate(part))
            function = sum((v >> 1 > wanted or (v >> 1 == wanted and v & 1)) << v
                           for v in range(2 << len(part)))
            found = Compressor.lookup(self.netlist, [found, *(lit for lit, _ in part)], function)
        return found

    def _compare(self, bits: Sequence[Product], numbers: Sequence[Number], limit: int, low: int,
                 high: int) -> int:
        """Compare a sum with one constant: bit ``m`` of ``sum + 2**m - limit``.

        ``m`` is large enough that the bit is 1 exactly where the sum, which lies between ``low``
        and ``high``, reaches the limit.
        """
        m = 0
        while high - limit >= 1 << m or limit - low > 1 << m:
            m += 1
        if m == (high - low).bit_length():
            return self.reaches(self.total(bits, numbers, 0, m), limit, low, high)
        const = (1 << m) - limit
        heap = self._heap(bits, numbers, const, m + 1)
        lits = self._compress(heap, m + 1)
        number = Number(lits[m:], 1)
        self.netlist.sum_claims.append(SumClaim(number, tuple(numbers), tuple(bits), const,
                                                tuple(heap.parts), lits[:m]))
        return lits[m]

    def _heap(self, bits: Sequence[Product], numbers: Sequence[Number], const: int,
              width: int) -> Compressor:
        """A bit heap of everything that is added."""
        heap = Compressor(self.netlist, self.target, self._levels, width)
        heap.add_bits(bits, sum(n.lits[:1] != (FALSE,) for n in numbers))
        for number in numbers:
            heap.add_number(number)
        heap.const += const
        return heap

    def _compress(self, heap: Compressor, width: int) -> tuple[int, ...]:
        """Compress a heap to one bit of each weight; returns the literals, lowest first."""
        heap.const %= 1 << width
        if heap.const and self.target.adds_constants:
            heap.reduce(2)
            heap.const %= 1 << width
            heap.absorb()
        heap.settle()
        heap.reduce(1)
        return heap.lits()


def _roundest(first: int, last: int) -> int:
    """The number between ``first`` and ``last`` with the most trailing zeros: cheap to compare."""
    zeros = last.bit_length()
    while -(-first >> zeros) << zeros > last:
        zeros -= 1
    return -(-first >> zeros) << zeros


@cache
def _heap_cost(target: Target, heights: tuple[int, ...]) -> int:
    """Lookup tables that compress a bit heap, given its bits per weight, to one number."""
    netlist = Netlist(sum(heights))
    builder = SumBuilder(netlist, target)
    lits = [netlist.input(k) for k in range(netlist.inputs)]
    numbers = []
    for k in range(1, len(heights)):
        above = sum(heights[k + 1:])
        for n in range(heights[k]):
            lit = lits[above + n]
            numbers.append(Number((FALSE,) * k + (lit,), 1 << k))
    bits = [(lit,) for lit in lits[sum(heights[1:]):]]
    netlist.outputs = list(builder.total(bits, numbers).lits)
    return target.cost(netlist)
