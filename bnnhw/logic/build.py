"""Building sums: bits and numbers become one number, or a comparison with a constant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from bnnhw.logic.cells import FALSE, TRUE
from bnnhw.logic.dots import Product
from bnnhw.logic.netlist import Netlist, Number
from bnnhw.logic.reduce import Reducer
from bnnhw.logic.targets.base import Target
from bnnhw.logic.whole import Reached, Whole

__all__ = ["NOTHING", "Product", "SumBuilder", "price"]

NOTHING = Number((), 0)


class SumBuilder:
    """Adds sums to a netlist in the way that a target does best.

    Parameters
    ----------
    netlist : Netlist
    target : Target
    """

    def __init__(self, netlist: Netlist, target: Target) -> None:
        self.netlist, self.target = netlist, target
        self._levels: dict[int, int] = {}

    def total(self, bits: Sequence[Product], numbers: Sequence[Number] = (), const: int = 0,
              width: int | None = None, top: int | None = None) -> Number:
        """Add everything up; with ``width``, modulo ``2**width`` in just as many bits.

        A negative constant needs a width, or ``top``: then the sum is known to be 0 to ``top``.
        """
        if width is None and top is None and const < 0:
            raise ValueError("a negative constant needs a width")
        if top is None:
            top = len(bits) + sum(n.top for n in numbers) + const
            if width is not None:
                top = (1 << width) - 1
        wraps, width = width is not None, top.bit_length() if width is None else width
        dots = self._dots(bits, numbers, const, width)
        lits = self._finish(dots, width)
        number = Number(lits, top)
        self.netlist.wholes.append(Whole(number, tuple(numbers), tuple(bits), const,
                                         tuple(dots.parts), (), wraps))
        return number

    def most(self, bits: Sequence[Product], numbers: Sequence[Number], keep: int,
             const: int = 0, top: int | None = None,
             high: int | None = None) -> tuple[Number, tuple[Product, ...]]:
        """Add up what fills adders, and hand back up to ``keep`` bits.

        Each chain behind has room for one more bit, which costs nothing there.

        Parameters
        ----------
        const, top
            As for ``total``.
        high : int
            What the sum is known not to exceed.
        """
        if not numbers and len(bits) <= keep and not const:
            return NOTHING, tuple(bits)
        left = 0
        if keep and top is None:
            left = min(range(min(keep, len(bits)) + 1),
                       key=lambda n: self._price(len(bits) - n, numbers) + 1.5 * n)
        used = len(bits) - left
        if top is None and high is not None:
            top = high - left
        return self.total(bits[:used], numbers, const, None, top), tuple(bits[used:])

    def _price(self, bits: int, numbers: Sequence[Number]) -> int:
        heights = [bits] + [0] * max((n.width - 1 for n in numbers), default=0)
        for number in numbers:
            for k, lit in enumerate(number.lits):
                heights[k] += lit > 1
        return price(self.target, tuple(heights))

    def at_least(self, bits: Sequence[Product], numbers: Sequence[Number],
                 limits: Sequence[int], low: int = 0, high: int | None = None) -> list[int]:
        """Literals that tell whether the sum reaches each limit.

        ``low`` and ``high``: what the sum is known to lie between; then the numbers may be modulo
        a power of two that is larger than the range between.
        """
        if high is None:
            high = len(bits) + sum(n.top for n in numbers)
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
        """Literal of ``sum >= limit``: the sum is between low and high, the number is its residue.

        Lookup tables from the lowest bit on.
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
            # Above the limit, but not where the sums begin.
            begin = _roundest(last - size + 1, first)
            found = Reducer.lookup(self.netlist, [self._above(lits, at - size),
                                               self._above(lits, begin)], 0b0010)
        else:
            end = _roundest(last - size + 1, first)
            found = Reducer.lookup(self.netlist, [self._above(lits, at),
                                               self._above(lits, end)], 0b1011)
        self.netlist.wholes.append(Reached(found, number, limit, low, high))
        return found

    def _above(self, lits: Sequence[int], limit: int) -> int:
        """Literal of ``number >= limit``."""
        if limit <= 0:
            return TRUE
        bits = [(lit, limit >> k & 1) for k, lit in enumerate(lits)]
        while not bits[0][1]:
            del bits[0]
        found = bits.pop(0)[0]
        step = self.target.lut_inputs - 1
        for first in range(0, len(bits), step):
            part = bits[first:first + step]
            wanted = sum(want << k for k, (_, want) in enumerate(part))
            function = sum((v >> 1 > wanted or (v >> 1 == wanted and v & 1)) << v
                           for v in range(2 << len(part)))
            found = Reducer.lookup(self.netlist, [found, *(lit for lit, _ in part)], function)
        return found

    def _compare(self, bits: Sequence[Product], numbers: Sequence[Number], limit: int, low: int,
                 high: int) -> int:
        """Bit m of the sum and ``2**m - limit``; the sum lies between ``low`` and ``high``."""
        m = 0
        while high - limit >= 1 << m or limit - low > 1 << m:
            m += 1
        if m == (high - low).bit_length():
            return self.reaches(self.total(bits, numbers, 0, m), limit, low, high)
        const = (1 << m) - limit
        dots = self._dots(bits, numbers, const, m + 1)
        lits = self._finish(dots, m + 1)
        number = Number(lits[m:], 1)
        self.netlist.wholes.append(Whole(number, tuple(numbers), tuple(bits), const,
                                         tuple(dots.parts), lits[:m]))
        return lits[m]

    def _dots(self, bits: Sequence[Product], numbers: Sequence[Number], const: int,
              width: int) -> Reducer:
        dots = Reducer(self.netlist, self.target, self._levels, width)
        dots.add_bits(bits, sum(n.lits[:1] != (FALSE,) for n in numbers))
        for number in numbers:
            dots.add_number(number)
        dots.const += const
        return dots

    def _finish(self, dots: Reducer, width: int) -> tuple[int, ...]:
        """Literals of the sum."""
        dots.const %= 1 << width
        if dots.const and self.target.adds_constants:
            dots.reduce(2)
            dots.const %= 1 << width
            dots.absorb()
        dots.settle()
        dots.reduce(1)
        return dots.lits()


def _roundest(first: int, last: int) -> int:
    """The number from first to last with most zeros at its end."""
    zeros = last.bit_length()
    while -(-first >> zeros) << zeros > last:
        zeros -= 1
    return -(-first >> zeros) << zeros


@cache
def price(target: Target, heights: tuple[int, ...]) -> int:
    """Lookup tables that make one number of so many bits of each weight."""
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
