"""Specification of a block of unrolled layers: weights, limits and constants as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["BlockSpec", "LayerSpec"]


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One layer: counts agreeing bits of inputs and weights, and compares or emits the count.

    For each row, ``count = sum over weight planes q and bits m of coefficients[q, m] * (columns
    whose input bit m equals the weight of plane q)``. A weight of 0 never agrees.

    Parameters
    ----------
    signs : int8 [Q, rows, columns]
        Weights of each plane: -1, 0 or +1. A layer of one-bit weights has a single plane.
    coefficients : int64 [Q, M]
        What an agreeing bit counts, not negative; M is the number of bits of an input element.
        Column ``c`` reads the bits from ``c * M`` on, lowest first.
    signed : bool
        Input elements are two's complement; they are counted with their sign bit inverted.
    limits : int64 [classes, rows, J] or None
        The output element is ``count >= limit``, or for ``J > 1`` the number of limits reached.
        None if the layer emits numbers.
    scale : int
        Without limits, the output element is ``scale * count + const``.
    const : int64 [classes, rows]
        See ``scale``.
    width : int
        Bits of an output element.
    """

    signs: np.ndarray
    coefficients: np.ndarray
    signed: bool
    limits: np.ndarray | None
    scale: int
    const: np.ndarray
    width: int

    @classmethod
    def of_bits(cls, signs: np.ndarray, planes: int, signed: bool, limits: np.ndarray | None,
                scale: int, const: np.ndarray, width: int) -> LayerSpec:
        """A layer with one plane of weights ``[rows, columns]`` on elements of ``planes`` bits."""
        return cls(signs[None].astype(np.int8), 1 << np.arange(planes, dtype=np.int64)[None],
                   signed, limits, scale, const, width)

    @property
    def planes(self) -> int:
        """Bits of an input element."""
        return int(self.coefficients.shape[1])

    @property
    def rows(self) -> int:
        """Output elements."""
        return int(self.signs.shape[1])

    @property
    def columns(self) -> int:
        """Input elements."""
        return int(self.signs.shape[2])

    @property
    def classes(self) -> int:
        """Border classes: positions of the map that share limits and constants."""
        return len(self.const)

    @property
    def one_bit(self) -> bool:
        """Whether there is one plane of weights, and bit ``m`` of an element counts ``2**m``."""
        return len(self.signs) == 1 and \
            self.coefficients[0].tolist() == [1 << m for m in range(self.planes)]

    @property
    def max_count(self) -> int:
        """Upper bound of a count."""
        return self.columns * int(self.coefficients.sum())

    @property
    def tops(self) -> np.ndarray:
        """Largest count of each row: int64 ``[rows]``."""
        return self.coefficients.sum(axis=1) @ np.abs(self.signs).sum(axis=2, dtype=np.int64)

    def values(self) -> np.ndarray:
        """What each input bit is multiplied by: int64 ``[rows, planes * columns]``, plane 0 first.

        A count is ``(sum of values times bits as -1 and +1, plus tops) / 2``.
        """
        by_plane = np.einsum("qm,qrc->rmc", self.coefficients, self.signs.astype(np.int64))
        return np.asarray(by_plane.reshape(self.rows, -1))

    @property
    def synapses(self) -> int:
        """Number of weights that are not 0."""
        return int(self.signs.any(axis=0).sum())


@dataclass(frozen=True, eq=False)
class BlockSpec:
    """A sequence of layers that becomes one netlist, with an optional label at its end.

    Parameters
    ----------
    layers : tuple of LayerSpec
        In the order of the data. Only the first one may have several border classes; the index of
        the class is then an input, above the bits of the elements.
    label : bool
        Emit the index of the largest score; the lowest index wins a tie.
    forward : bool
        Emit the scores too, below the label.
    score_signed : bool
        Scores are two's complement.
    """

    layers: tuple[LayerSpec, ...]
    label: bool = False
    forward: bool = True
    score_signed: bool = True

    @property
    def class_bits(self) -> int:
        """Input bits that carry the border class."""
        return (self.layers[0].classes - 1).bit_length()

    @property
    def inputs(self) -> int:
        """Input bits: the elements, then the border class."""
        return self.layers[0].columns * self.layers[0].planes + self.class_bits

    @property
    def label_width(self) -> int:
        """Bits of the label."""
        return max(1, (self.layers[-1].rows - 1).bit_length())

    @property
    def outputs(self) -> int:
        """Output bits: the scores if they are emitted, then the label if there is one."""
        last = self.layers[-1]
        scores = last.rows * last.width if self.forward or not self.label else 0
        return scores + (self.label_width if self.label else 0)
