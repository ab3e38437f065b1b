"""What a block of counting logic computes, in plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CountBlock", "CountLayer"]


@dataclass(frozen=True, eq=False)
class CountLayer:
    """``count = sum over planes m of 2**m * agreeing bits of plane m``, compared or handed on.

    Parameters
    ----------
    weights : uint8 [rows, columns]
    planes : int
        Bits of an input element, lowest first; column c reads bits ``c * planes`` and up.
    signed : bool
        Elements are two's complement; they are counted with their sign bit inverted.
    limits : int64 [classes, rows, J] or None
        Bits out: ``count >= limit``; for J > 1 the number of limits reached.
    scale, const : int, int64 [classes, rows]
        Numbers out, where there are no limits: ``scale * count + const``.
    width : int
        Bits of an output element.
    used : uint8 [rows, columns] or None
        1 for the columns that a row counts; None for all.
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
        return int(self.weights.shape[0])

    @property
    def columns(self) -> int:
        return int(self.weights.shape[1])

    @property
    def classes(self) -> int:
        """Classes of positions, whose limits and constants differ."""
        return len(self.const)

    @property
    def signs(self) -> np.ndarray:
        """-1 and +1 for the weights, 0 for columns that a row does not count."""
        signs = self.weights.astype(np.int64) * 2 - 1
        return signs if self.used is None else signs * self.used

    @property
    def top(self) -> int:
        """Largest count."""
        return self.columns * ((1 << self.planes) - 1)


@dataclass(frozen=True, eq=False)
class CountBlock:
    """Layers one behind the other, with a label behind the last one where it is wanted.

    Parameters
    ----------
    layers : tuple of CountLayer
        Only the first one may have several classes of positions; the class then comes in above
        the elements.
    label : bool
        Index of the largest score, the lowest on a tie.
    forward : bool
        The scores go out too, below the label.
    score_signed : bool
        Scores are two's complement.
    """

    layers: tuple[CountLayer, ...]
    label: bool = False
    forward: bool = True
    score_signed: bool = True

    @property
    def class_bits(self) -> int:
        return (self.layers[0].classes - 1).bit_length()

    @property
    def inputs(self) -> int:
        return self.layers[0].columns * self.layers[0].planes + self.class_bits

    @property
    def label_width(self) -> int:
        return max(1, (self.layers[-1].rows - 1).bit_length())

    @property
    def outputs(self) -> int:
        last = self.layers[-1]
        scores = last.rows * last.width if self.forward or not self.label else 0
        return scores + (self.label_width if self.label else 0)
