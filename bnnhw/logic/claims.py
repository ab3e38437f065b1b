"""Numbers as lists of literals, and the claims about sums of them that a netlist carries.

Whoever adds cells to a netlist also states what they compute. ``certificate`` proves each claim
for all inputs before any Verilog is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bnnhw.logic.cells import Chain, invert

__all__ = ["ChainClaim", "Claim", "ComparisonClaim", "Number", "Product", "Sum", "SumClaim"]

Product = tuple[int, ...]
"""One bit to count: a single literal, two literals whose exclusive nor is the bit, or three.

The third of three literals masks the exclusive nor of the first two. If the second one is constant,
that is a conjunction.
"""


@dataclass(frozen=True)
class Number:
    """An unsigned number in a netlist.

    Parameters
    ----------
    lits : tuple of int
        Literals of the bits, lowest bit first.
    max_value : int
        Upper bound of the number, at most ``2**width - 1``.
    """

    lits: tuple[int, ...]
    max_value: int

    @property
    def width(self) -> int:
        """Number of bits."""
        return len(self.lits)

    @property
    def negated(self) -> Number:
        """The bitwise complement, ``2**width - 1`` minus the number."""
        return Number(tuple(invert(x) for x in self.lits), (1 << self.width) - 1)


@dataclass(frozen=True)
class Sum:
    """What a claim is about: ``number = addends + products + const``, and weighted products.

    Parameters
    ----------
    number : Number
        The result.
    addends : tuple of Number
        Numbers that are added.
    products : tuple of Product
        Bits of weight 1 that are added.
    const : int
        Constant that is added.
    weighted : tuple of (int, Product)
        Further bits that are added, each with the exponent of its weight, which is positive.
    """

    number: Number
    addends: tuple[Number, ...]
    products: tuple[Product, ...]
    const: int
    weighted: tuple[tuple[int, Product], ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class ChainClaim(Sum):
    """Claims that one carry chain or adder computes a sum.

    The carry out of the highest literal of ``number`` is proven to be 0, unless the sum ``wraps``.

    Parameters
    ----------
    chain : Chain
        The chain that computes the sum; a chain without slots if lookup tables compute it.
    wraps : bool
        The result is modulo ``2**number.width``.
    """

    chain: Chain
    wraps: bool = False


@dataclass(frozen=True)
class SumClaim(Sum):
    """Claims that several chains together compute a sum.

    If ``low`` is not empty, ``number`` has only the bits of the sum above ``low``.

    Parameters
    ----------
    parts : tuple of (ChainClaim, int)
        The chains that compute the sum, each with the exponent of its weight.
    low : tuple of int
        Literals of the bits of the sum below ``number``, lowest first.
    wraps : bool
        The result is modulo ``2**number.width``; otherwise the sum is proven to fit.
    """

    parts: tuple[tuple[ChainClaim, int], ...]
    low: tuple[int, ...] = ()
    wraps: bool = False


@dataclass(frozen=True)
class ComparisonClaim:
    """Claims that ``lit`` is 1 exactly where a sum reaches ``limit``.

    Parameters
    ----------
    lit : int
        Literal of the comparison's result.
    number : Number
        The sum modulo ``2**number.width``.
    limit : int
        Value that the sum is compared with.
    low, high : int
        Least and largest value of the sum.
    """

    lit: int
    number: Number
    limit: int
    low: int
    high: int


Claim = SumClaim | ComparisonClaim
"""A claim about a complete sum, as opposed to one chain."""
