"""Adder graphs of integer matrices, cut into planes of -1, 0 and +1 that share their sums.

A row is the sum of some planes, each times an integer. All planes of all rows take part in one
search, so that a pattern of columns is added up once wherever it occurs. There are several ways to
cut a matrix into planes, see ``FORMS``; which of them is cheapest depends on the matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bnnhw.logic.cse.adder_graph import AdderGraph, Node
from bnnhw.logic.cse.extract import extract
from bnnhw.logic.cse.search import CseOptions
from bnnhw.logic.signed_digits import digit_arrays, powers_of

__all__ = ["FORMS", "PlaneSet", "build_graph", "forms_of"]


@dataclass(frozen=True, eq=False)
class PlaneSet:
    """A matrix over the bits of input elements, as planes with integer factors.

    The element of a row at bit ``m`` of column ``c`` is ``sum over planes q and digits d of
    factors[q, m] * 2**d * signs[q, row, d * columns + c]``.

    Parameters
    ----------
    signs : int8 [Q, rows, digits * columns]
        Elements are -1, 0 and +1.
    factors : int64 [Q, M]
    digits : int
        How often each column occurs, each time with twice the weight.
    """

    signs: np.ndarray
    factors: np.ndarray
    digits: int = 1

    @classmethod
    def of_signs(cls, matrix: np.ndarray) -> PlaneSet:
        """A matrix ``[rows, columns]`` of -1, 0 and +1 over single bits."""
        return cls(matrix[None].astype(np.int8), np.ones((1, 1), dtype=np.int64))

    @property
    def columns(self) -> int:
        return int(self.signs.shape[2]) // self.digits

    def weights(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Integers ``[rows, columns]`` and a factor for each bit, whose product is the matrix.

        None if the bits of a column need different integers.
        """
        if self.digits > 1:
            return None
        of_bit = np.einsum("qm,qrc->mrc", self.factors, self.signs.astype(np.int64))
        first = next((v for v in of_bit if v.any()), of_bit[0])
        unit = int(np.gcd.reduce(first, axis=None)) or 1
        weights = first // unit
        at = np.unravel_index(np.abs(weights).argmax(), weights.shape)
        factors = of_bit[:, at[0], at[1]] // (int(weights[at]) or 1)
        if (of_bit != factors[:, None, None] * weights).any():
            return None
        return weights, factors


def build_graph(planes: PlaneSet, options: CseOptions) -> AdderGraph:
    """Build the adder graph of the rows over all bits, bit 0 of each column first."""
    made = FORMS[options.form](planes)
    if made is None:
        raise ValueError(f"the weights cannot be written in the form '{options.form}'")
    count, rows, width = made.signs.shape
    # The planes of a row are neighbours, so that they are compared with each other.
    matrix = made.signs.transpose(1, 0, 2).reshape(rows * count, width)
    read = np.flatnonzero(matrix.any(axis=0)).tolist()
    graph = extract(matrix[:, read], options.min_columns, options.max_distance,
                    options.max_depth, options.seed, options.block_rows)
    if made.digits == 1 and made.factors.tolist() == [[1]] and len(read) == width:
        return graph
    operands: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    nodes: list[Node] = []
    for m, of_bit in enumerate(made.factors.T):
        base, first = rows + len(nodes), m * made.columns
        nodes += [Node(tuple((first + read[c] % made.columns, s << read[c] // made.columns)
                             for c, s in node.columns),
                       tuple((base + k, factor) for k, factor in node.operands))
                  for node in graph.nodes]
        for row in range(rows):
            operands[row] += [(base + row * count + q, digit) for q, factor in enumerate(of_bit)
                              for digit in powers_of(int(factor))]
    ends = [Node((), tuple(terms)) for terms in operands]
    return AdderGraph(made.columns * made.factors.shape[1], (*ends, *nodes), rows)


def binary_digits(values: np.ndarray) -> list[np.ndarray]:
    """Digits of the magnitude of integers, with the sign of the integer."""
    size = np.abs(values)
    return [np.sign(values) * (size >> k & 1) for k in range(int(size.max()).bit_length())]


def odd_digits(values: np.ndarray) -> list[np.ndarray] | None:
    """Digits -1 and +1 of odd integers; 0 stays 0. None if another integer is even."""
    if (values % 2 != np.sign(np.abs(values))).any():
        return None
    width = int(np.abs(values).max()).bit_length()
    code = values + (1 << width) - 1 >> 1
    return [np.where(values, 2 * (code >> k & 1) - 1, 0) for k in range(width)]


Digits = Callable[[np.ndarray], "list[np.ndarray] | None"]
Form = Callable[[PlaneSet], "PlaneSet | None"]


def _rows(digits: Digits) -> Form:
    """Each digit of a row becomes a separate plane."""
    def form(planes: PlaneSet) -> PlaneSet | None:
        found = planes.weights()
        cut = digits(found[0]) if found else None
        if found is None or not cut:
            return None
        factors = (1 << np.arange(len(cut)))[:, None] * found[1]
        return PlaneSet(np.stack(cut).astype(np.int8), factors)
    return form


def _columns(digits: Digits) -> Form:
    """Each digit of a column becomes a separate column."""
    def form(planes: PlaneSet) -> PlaneSet | None:
        found = planes.weights()
        cut = digits(found[0]) if found else None
        if found is None or not cut:
            return None
        signs = np.concatenate(cut, axis=1).astype(np.int8)
        return PlaneSet(signs[None], found[1][None], len(cut))
    return form


FORMS: dict[str, Form] = {
    "odd columns": _columns(odd_digits),
    "binary columns": _columns(binary_digits),
    "signed columns": _columns(digit_arrays),
    "": lambda planes: planes,
    "signed rows": _rows(digit_arrays),
    "odd rows": _rows(odd_digits),
    "binary rows": _rows(binary_digits),
}
"""Ways to cut a matrix into planes, most promising first; None where one does not apply."""


def forms_of(planes: PlaneSet) -> Sequence[str]:
    """Names of the forms in which a matrix can be written differently, in the order to try."""
    if len(planes.signs) == 1:
        return ("",)
    seen: list[bytes] = []
    names = []
    for name, form in FORMS.items():
        made = form(planes)
        if made is None:
            continue
        key = repr((made.signs.shape, made.factors.tolist())).encode() + made.signs.tobytes()
        if key not in seen:
            seen.append(key)
            names.append(name)
    return names
