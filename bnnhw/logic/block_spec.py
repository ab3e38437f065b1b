"""Specification of a block of unrolled layers: weights, limits and constants as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["BlockSpec", "LayerSpec"]


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One layer: counts agreeing bits of inputs and weights, and compares or emits the count.

    For each row, ``count = sum over planes m of 2**m * (columns whose input bit m equals the
    weight)``.

    Parameters
    ----------
    weights : uint8 [rows, columns]
        1 for a weight of +1, 0 for -1.
    planes : int
        Bits of an input element. Column ``c`` reads the bits from ``c * planes`` on, lowest first.
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
    used : uint8 [rows, columns] or None
        1 for the columns that a row counts; None if every row counts all.
    """

    weights: np.ndarray
    planes: int
    signed: bool
    limits: np.ndarray | None
    scale: int
    const: np.ndarray
    width: int
    used: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """Output elements."""
        return int(self.weights.shape[0])

    @property
    def columns(self) -> int:
        """Input elements."""
        return int(self.weights.shape[1])

    @property
    def classes(self) -> int:
        """Border classes: positions of the map that share limits and constants."""
        return len(self.const)

    @property
    def signs(self) -> np.ndarray:
        """Weights as -1 and +1, 0 where a row does not count a column: ``[rows, columns]``."""
        signs = self.weights.astype(np.int64) * 2 - 1
        return signs if self.used is None else signs * self.used

    @property
    def max_count(self) -> int:
        """Largest value that a count can have."""
        return self.columns * ((1 << self.planes) - 1)


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
