"""Bit heap: the bits of a sum by weight, with the claims about chains that compressed it.

A bit heap is a set of bits with weights ``2**k``, whose weighted sum is to be computed. The
``compressor`` takes bits out, adds a chain to the netlist, and puts the bits of its result back.
"""

from __future__ import annotations

from bisect import insort

from bnnhw.logic import truth_tables
from bnnhw.logic.cells import FALSE, TRUE, Chain
from bnnhw.logic.claims import ChainClaim, Number, Product
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.target import Operand, Target
from bnnhw.logic.truth_tables import MASKED_XNOR, XNOR2

__all__ = ["MAX_EXTRA_LEVELS", "NEVER", "NO_CHAIN", "BitHeap", "HeapBit", "operand",
           "operands_with_constant"]

HeapBit = tuple[int, int, Product]
"""Adder level, serial number in the order of adding, and the bit itself."""

MAX_EXTRA_LEVELS = 1
"""Adder levels that a chain may wait for additional bits.

Waiting for some makes fewer chains; waiting for many makes the sum slow.
"""

NEVER = 1 << 30
"""Level of constant bits, so that every other bit is taken before them."""

NO_CHAIN = Chain(FALSE, ())
"""The chain of a claim about lookup tables."""


def operand(product: Product) -> Operand:
    """A product as an operand of a slot: its literals, and the truth table over them."""
    if len(product) > 2:
        first, second, masking = product
        if second > 1:
            return product, MASKED_XNOR
        return (first, masking), 0b1000 if second else 0b0100
    return product, 0b10 if len(product) == 1 else XNOR2


def operands_with_constant(rows: list[tuple[int, int]],
                           const: int) -> list[tuple[Operand, Operand]]:
    """Operands of the slots that add two numbers and a constant.

    The first operand of a slot is the parity of the two bits and the constant's bit at its weight;
    the second is their carry from the next lower weight.
    """
    made: list[tuple[Operand, Operand]] = []
    below = (FALSE, FALSE)
    for k, pair in enumerate(rows):
        made.append(((pair, 0b1001 if const >> k & 1 else 0b0110),
                     (below, 0b1110 if k and const >> (k - 1) & 1 else 0b1000)))
        below = pair
    return made


class BitHeap:
    """Bits whose weighted sum is to be computed modulo ``2**width``.

    Parameters
    ----------
    netlist : Netlist
        Receives the cells and claims.
    target : Target
        The cells of the device family.
    levels : dict
        Adder levels before each bit, by its index; extended with the bits of new chains.
    width : int
        Bits of the sum.

    Attributes
    ----------
    columns : list of list of HeapBit
        Bits of each weight, earliest first.
    const : int
        Constant that the sum contains in addition.
    parts : list of (ChainClaim, int)
        Chains that were added, each with the exponent of its weight.
    """

    def __init__(self, netlist: Netlist, target: Target, levels: dict[int, int],
                 width: int) -> None:
        self.netlist, self.target, self.levels, self.width = netlist, target, levels, width
        self.columns: list[list[HeapBit]] = [[] for _ in range(width)]
        self.const, self._order, self._settled = 0, 0, False
        # Depth of the chain that is being built, and serial numbers of bits kept for its carry in.
        self._chain_depth, self._raw, self._depth = NEVER, set[int](), dict[int, int]()
        self.parts: list[tuple[ChainClaim, int]] = []

    def add(self, product: Product, k: int) -> None:
        """Add a bit of weight ``2**k``.

        Two equal bits become one of the next weight, two complementary ones the constant 1.
        """
        if k >= self.width or product == (FALSE,):
            return
        if product == (TRUE,) and not self._settled:
            self.const += 1 << k
            return
        column = self.columns[k]
        if len(product) == 1:
            for at, (_, _, other) in enumerate(column):
                if other[0] >> 1 == product[0] >> 1 and len(other) == 1:
                    del column[at]
                    if other == product:
                        self.add(product, k + 1)
                    else:
                        self.add((TRUE,), k)
                    return
        self._order += 1
        level = NEVER if product == (TRUE,) else \
            max(self.levels.get(lit >> 1, 0) for lit in product)
        insort(column, (level, self._order, product))

    def add_number(self, number: Number) -> None:
        """Add every bit of a number, the lowest with weight 1."""
        for k, lit in enumerate(number.lits):
            self.add((lit,), k)

    def settle(self) -> None:
        """Convert the constant to bits of the heap, which chains take last."""
        const, self.const, self._settled = self.const, 0, True
        for k in range(self.width):
            if const >> k & 1:
                self.add((TRUE,), k)

    def lits(self) -> tuple[int, ...]:
        """Literals of the sum, lowest first, once every weight has at most one bit."""
        for k, column in enumerate(self.columns):
            if column and len(column[0][2]) > 1:
                # The exclusive nor of a product that no chain added still needs a LUT.
                product = column.pop()[2]
                self._claim(k, (self._literal(product),), [(k, product)], None)
        return tuple(c[0][2][0] if c else FALSE for c in self.columns)

    # Taking bits out

    def _ranked(self, k: int, for_lut: bool = False) -> list[HeapBit]:
        """Bits of weight ``2**k`` in the order in which slots take them.

        Early bits and bits that need no inverter are first; for a lookup table (``for_lut``),
        which inverts for free, those that a slot would need an inverter for.
        """
        def rank(bit: HeapBit) -> tuple[bool, bool, bool, bool, int, int]:
            level, order, product = bit
            inverted = self.target.polarised and product[0] > 1 and product[0] & 1 == 1
            late = self._depth_of(bit) > self._chain_depth + MAX_EXTRA_LEVELS
            return late, inverted != for_lut, order in self._raw, len(product) > 1, level, order

        return sorted(self.columns[k], key=rank)

    def _depth_of(self, bit: HeapBit) -> int:
        """Adders of this sum that a bit passed through."""
        return max(self._depth.get(lit >> 1, 0) for lit in bit[2])

    def _pick(self, k: int, count: int, for_lut: bool = False) -> list[Product]:
        """Take ``count`` bits of weight ``2**k`` out, for a slot or for a lookup table."""
        found = self._ranked(k, for_lut)[:count]
        for bit in found:
            self.columns[k].remove(bit)
        return [p for *_, p in found]

    def _entry(self, k: int) -> Product:
        """Take a bit of weight ``2**k`` out, as the carry into a chain."""
        ranked = self._ranked(k)
        any_function = self.target.entry_functions or self.target.polarised
        plain = [bit for bit in ranked if len(bit[2]) == 1 or any_function]
        candidates = [bit for bit in plain if bit[1] in self._raw and not bit[2][0] & 1] or \
            [bit for bit in plain if bit[1] in self._raw] or plain or ranked
        self.columns[k].remove(candidates[0])
        return candidates[0][2]

    # Claims and literals

    def _claim(self, k: int, lits: tuple[int, ...], taken: list[tuple[int, Product]],
               chain: Chain | None, wraps: bool = False, const: int = 0) -> None:
        """State what a chain computes, and put its result back into the heap.

        Parameters
        ----------
        k : int
            Exponent of the lowest weight.
        lits : tuple of int
            Result, lowest bit first.
        taken : list of (int, Product)
            The bits that were added, each with the exponent of its weight.
        chain : Chain or None
            None if lookup tables compute the sum.
        wraps, const
            As in ``ChainClaim``.
        """
        products = tuple(p for at, p in taken if at == k)
        weighted = tuple((at - k, p) for at, p in taken if at > k and len(p) > 1)
        upper: dict[int, list[int]] = {}
        for at, p in taken:
            if at > k and len(p) == 1:
                upper.setdefault(at - k, []).append(p[0])
        addends = []
        while upper:
            addends.append(self._number([(at, (lits_.pop(),)) for at, lits_ in upper.items()]))
            upper = {at: lits_ for at, lits_ in upper.items() if lits_}
        bound = len(products) + sum(n.max_value for n in addends) + const + \
            sum(1 << at for at, _ in weighted)
        all_ones = (1 << len(lits)) - 1
        made = ChainClaim(Number(lits, all_ones if wraps else min(bound, all_ones)),
                          tuple(addends), products, const, chain or NO_CHAIN, wraps,
                          weighted=weighted)
        self.netlist.chain_claims.append(made)
        self.parts.append((made, k))
        level = 1 + max(self.levels.get(lit >> 1, 0) for _, p in taken for lit in p)
        depth = 1 + max(self._depth.get(lit >> 1, 0) for _, p in taken for lit in p)
        for at, lit in enumerate(lits):
            self.levels[lit >> 1] = level
            self._depth[lit >> 1] = depth
            self.add((lit,), k + at)

    @staticmethod
    def _number(bits: list[tuple[int, Product]]) -> Number:
        """A number of at most one bit of each weight."""
        lits = [FALSE] * (1 + max((k for k, _ in bits), default=-1))
        for k, product in bits:
            lits[k] = product[0]
        return Number(tuple(lits), sum(1 << k for k, lit in enumerate(lits) if lit))

    def _literal(self, product: Product) -> int:
        """A product as one literal; one of several literals becomes a lookup table."""
        return product[0] if len(product) == 1 else self.netlist.lut(*operand(product))

    @staticmethod
    def lookup(netlist: Netlist, lits: list[int], function: int) -> int:
        """Literal of a function of literals, some of which may be constant or have the same bit."""
        distinct = list(dict.fromkeys(lit >> 1 for lit in lits if lit > 1))

        def at(*values: int) -> int:
            known = dict(zip(distinct, values, strict=True))
            index = sum((known.get(lit >> 1, 0) ^ lit & 1) << k for k, lit in enumerate(lits))
            return function >> index & 1

        return netlist.lut([2 * bit for bit in distinct], truth_tables.table(len(distinct), at))
