"""Sums of products of several bits: the planes of activations times the planes of weights.

Each lane brings a few products of one bit, every one with a power of two as its weight. They are
the exclusive nor of an activation bit and a weight bit, which a mask can clear.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bnnhw.logic.behaviour import ONES, ones_of, registered
from bnnhw.logic.bit_heap import NO_CHAIN, operand
from bnnhw.logic.cells import FALSE, TRUE
from bnnhw.logic.certificate import certify
from bnnhw.logic.claims import ChainClaim, Number, Product, SumClaim
from bnnhw.logic.compressor import Compressor
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import schedule
from bnnhw.logic.popcount import LEVELS, PopcountNetlist
from bnnhw.logic.target import Target
from bnnhw.logic.truth_tables import XNOR2

__all__ = [
    "MINUS_ONE",
    "NO_MASK",
    "PLUS_ONE",
    "LaneShape",
    "PlaneProduct",
    "lane_sum_netlist",
    "lane_sum_verilog",
]

PLUS_ONE, MINUS_ONE = -1, -2
"""Signs of a plane whose weights are all +1, or all -1, so that no bit is stored for them."""

NO_MASK = -1
"""Mask of a plane without zero weights."""

PlaneProduct = tuple[int, int, int, int]
"""Plane of the activation; stored bit of the sign, ``PLUS_ONE`` or ``MINUS_ONE``; stored bit of the
mask, or ``NO_MASK``; exponent of the weight of the product."""


@dataclass(frozen=True)
class LaneShape:
    """The products of one lane.

    Parameters
    ----------
    planes : int
        Bits of an activation.
    stored : int
        Bits that the weight memory stores for a lane.
    products : tuple of PlaneProduct
    """

    planes: int
    stored: int
    products: tuple[PlaneProduct, ...]

    @property
    def top(self) -> int:
        """Largest sum of the products of a lane."""
        return sum(1 << shift for *_, shift in self.products)


class _ProductCompressor(Compressor):
    """A bit heap whose columns begin as products, not as single bits."""

    def add_products(self, columns: Sequence[Sequence[Product]]) -> None:
        """Add products of each weight, and count most of them in the leaves of an adder tree."""
        kinds: dict[bool, list[list[Product]]] = {}
        single: list[tuple[int, Product]] = []
        for k, column in enumerate(columns):
            for product in column:
                if len(product) > 2 and product[1] > TRUE:
                    single.append((k, product))  # too many inputs for a slot with two of them
                else:
                    kind = kinds.setdefault(len(product) > 2, [[] for _ in columns])
                    kind[k].append(product)
        leaves = [leaf for kind in kinds.values() for leaf in self._leaves(kind)]
        single += [(k, p) for kind in kinds.values() for k, column in enumerate(kind)
                   for p in column]
        made: list[tuple[int, Product]] = []
        for k, groups in leaves:
            self._weighted_leaf(k, groups)
            made += self._taken()
        for k, product in single:
            if len(product) > 1:
                self._claim(k, (self._literal(product),), [(k, product)], None)
                made += self._taken()
            else:
                made.append((k, product))
        for k, product in made:
            self.add(product, k)

    def _taken(self) -> list[tuple[int, Product]]:
        """Take everything out of the heap."""
        found = [(k, p) for k, column in enumerate(self.columns) for *_, p in column]
        self.columns = [[] for _ in self.columns]
        return found

    def _leaves(self, columns: list[list[Product]]) -> list[tuple[int, list[list[Product]]]]:
        """Take products out of ``columns`` in groups of one chain: a carry in, and pairs."""
        found = []
        for k, column in enumerate(columns):
            while len(column) >= 3:
                groups = [[column.pop(0)]]
                at = k
                while at < len(columns) and len(columns[at]) >= 2 and \
                        (at == k or self.target.entry_functions):
                    groups.append([columns[at].pop(0), columns[at].pop(0)])
                    at += 1
                found.append((k, groups))
        return found

    def _weighted_leaf(self, k: int, groups: list[list[Product]]) -> None:
        """Add one product and pairs of products of the weights from ``2**k`` on.

        A slot of ECP5 adds two exclusive ors, but not two exclusive nors: the complements are
        counted, and every bit of the result is inverted.
        """
        [entry], *pairs = groups
        taken = [(k, entry)] + [(k + at, p) for at, pair in enumerate(pairs) for p in pair]
        if len(pairs) == 1 and len(entry) == 2:
            cells = self.target.product_leaf(self.netlist, [entry, *pairs[0]])
            if cells is not None:
                self._claim(k, cells, taken, None)
                return
        flip = int(self.target.entry_functions and len(entry) == 2)

        def flipped(product: Product) -> tuple[tuple[int, ...], int]:
            lits, function = operand(product)
            return lits, function ^ flip * 0b1111

        chain = self._add_chain([self.target.slot(self.netlist, flipped(x1), flipped(x2))
                                 for x1, x2 in pairs], flipped(entry))
        lits = [2 * slot.total + flip for slot in chain.slots]
        self._claim(k, (*lits, 2 * chain.slots[-1].carry + flip), taken, chain)


def _shared(shape: LaneShape) -> frozenset[tuple[int, int]]:
    """Planes of activations and signs that several masks share, so that a LUT for both pays."""
    pairs = Counter((plane, sign) for plane, sign, mask, _ in shape.products
                    if sign >= 0 and mask != NO_MASK)
    return frozenset(pair for pair, count in pairs.items() if count > 1)


def _signed(netlist: Netlist, a: int, w: int) -> int:
    """Literal of an exclusive nor that several products mask, with a claim that proves it."""
    bits = netlist.bits
    found = netlist.lut((a, w), XNOR2)
    if netlist.bits > bits:
        netlist.chain_claims.append(ChainClaim(Number((found,), 1), (), ((a, w),), 0, NO_CHAIN))
    return found


@functools.lru_cache(maxsize=256)
def lane_sum_netlist(lanes: int, shape: LaneShape, target: Target, levels: int,
                     early: bool) -> PopcountNetlist:
    """Build and prove the sum of the products of all lanes.

    Parameters
    ----------
    lanes : int
    shape : LaneShape
    target : Target
    levels : int
        Adder levels between two registers; 0 for a combinational sum.
    early : bool
        Put a register after the first level already, because the inputs arrive late.

    Returns
    -------
    PopcountNetlist
        Its inputs are the activations, lane by lane, then the stored bits, lane by lane.
    """
    netlist = Netlist(lanes * (shape.planes + shape.stored))
    columns: list[list[Product]] = [[] for _ in range(1 + max(s for *_, s in shape.products))]
    shared = _shared(shape) if target.absorbs_products else frozenset()
    for lane in range(lanes):
        first = lanes * shape.planes + lane * shape.stored
        for plane, sign, mask, shift in shape.products:
            a = netlist.input(lane * shape.planes + plane)
            w = netlist.input(first + sign) if sign >= 0 else int(sign == PLUS_ONE)
            if mask == NO_MASK:
                columns[shift].append((a, w) if sign >= 0 else (a ^ (w == FALSE),))
                continue
            if (plane, sign) in shared:
                a, w = _signed(netlist, a, w), TRUE
            columns[shift].append((a, w, netlist.input(first + mask)))
    max_value = lanes * shape.top
    width = max_value.bit_length()
    heap = _ProductCompressor(netlist, target, {}, width)
    heap.add_products(columns)
    heap.settle()
    heap.reduce(1)
    number = Number(heap.lits(), max_value)
    weighted = tuple((k, p) for k, column in enumerate(columns) for p in column if k)
    netlist.sum_claims.append(SumClaim(number, (), tuple(columns[0]), 0, tuple(heap.parts),
                                       weighted=weighted))
    netlist.outputs = list(number.lits)
    certify(netlist)
    limit = levels or float("inf")
    return PopcountNetlist(netlist, schedule(netlist, LEVELS, limit, 1 if early else limit))


def lane_sum_verilog(name: str, lanes: int, shape: LaneShape, target: Target, levels: int,
                     early: bool) -> str:
    """Verilog of the sum: module ``name(clk, x, y)``, without ``clk`` if it has no registers.

    Parameters
    ----------
    name : str
        Name of the module.
    lanes, shape, target, levels, early
        As for ``lane_sum_netlist``.
    """
    made = lane_sum_netlist(lanes, shape, target, levels, early)
    outputs = len(made.netlist.outputs)

    def gathered(wire: str, first: int, step: int) -> str:
        bits = ", ".join(f"x[{first + lane * step}]" for lane in reversed(range(lanes)))
        return f"wire [{lanes - 1}:0] {wire} = {{{bits}}};"

    model = [ONES, *(gathered(f"a{k}", k, shape.planes) for k in range(shape.planes)),
             *(gathered(f"w{k}", lanes * shape.planes + k, shape.stored)
               for k in range(shape.stored))]
    terms = []
    for k, (plane, sign, mask, shift) in enumerate(shape.products):
        agreeing = f"~(a{plane} ^ w{sign})" if sign >= 0 else \
            f"a{plane}" if sign == PLUS_ONE else f"~a{plane}"
        masked = "" if mask == NO_MASK else f" & w{mask}"
        model.append(f"wire [{lanes - 1}:0] p{k} = {agreeing}{masked};")
        terms.append(ones_of(f"p{k}", lanes, f"{outputs}'d{1 << shift}"))
    model.append(f"wire [{outputs - 1}:0] now = {' + '.join(terms)};")
    return target.module(name, made.netlist, made.schedule,
                         "\n".join([*model, *registered(outputs, made.cuts)]))
