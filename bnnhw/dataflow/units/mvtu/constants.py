"""Computes the ROM contents of an MVTU: weights, and start values with thresholds and borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.dataflow.units.mvtu.planes import pad_sum, row_tops, stored_bits
from bnnhw.layers import Conv, Product
from bnnhw.rtl.positions import BorderClasses
from bnnhw.rtl.weight_form import WeightForm

__all__ = ["MvtuConstants", "border_classes", "start_values"]


@dataclass(frozen=True, eq=False)
class MvtuConstants:
    """The numbers of a product layer as an MVTU computes with them.

    Parameters
    ----------
    weights : uint8 [B, rows of all matrices, columns]
        The B stored bits of each weight, see ``WeightForm``; one matrix of two dimensions for
        weights of one bit, which are 1 for +1 and 0 for -1.
    starts : int64 [classes, rows of all matrices + 1]
        Start values of the accumulators; the last one belongs to padded rows.
    coefficient : int
        Weight of one agreeing bit of weights of one bit, see ``PeParams``.
    signed : bool
        Input elements are in two's complement; they count with the sign bit inverted.
    border_classes : BorderClasses or None
        Border class of each position; None where all positions have the same start values.
    """

    weights: np.ndarray
    starts: np.ndarray
    coefficient: int = 1
    signed: bool = False
    border_classes: BorderClasses | None = None

    def __post_init__(self) -> None:
        if self.weights.ndim == 2:
            object.__setattr__(self, "weights", self.weights[None])

    def padded(self, form: WeightForm) -> np.ndarray:
        """Append a row and a column of padding to the stored bits: ``[B, rows + 1, columns + 1]``.
        """
        bits, rows, columns = self.weights.shape
        made = np.empty((bits, rows + 1, columns + 1), dtype=np.uint8)
        made[:] = np.array(form.pad)[:, None, None]
        made[:, :-1, :-1] = self.weights
        return made

    @classmethod
    def of(cls, layer: Product, threshold: bool, pad_columns: int) -> MvtuConstants:
        """Read them from a layer; see ``start_values`` for the arguments."""
        return cls(stored_bits(layer), start_values(layer, threshold, pad_columns),
                   layer.coefficients[0], layer.input.element.signed, border_classes(layer)[1])

    def classes(self, positions: int) -> np.ndarray:
        """Border class of each of the positions, in row-major order: int64 ``[positions]``."""
        if self.border_classes is None:
            return np.zeros(positions, dtype=np.int64)
        return self.border_classes.of_positions()


def border_classes(layer: Product) -> tuple[np.ndarray | None, BorderClasses | None]:
    """Classify the positions of a map: those of one class have the same padded taps.

    Returns
    -------
    border : int64 [classes, out] or None
        What the padding of each class adds to the sum.
    border_classes : BorderClasses or None
    """
    border = layer.border()
    if border is None:
        return None, None
    assert isinstance(layer, Conv)
    height, width, _ = layer.input.map
    oh, ow = layer.window.out_size(height, width)
    rows, columns = layer.window.rows(oh), layer.window.columns(ow)
    row_class, row_at = _classes((rows < 0) | (rows >= height))
    column_class, column_at = _classes((columns < 0) | (columns >= width))
    by_position = border.reshape(oh, ow, -1)[np.ix_(row_at, column_at)]
    return by_position.reshape(-1, layer.outputs), BorderClasses(row_class, column_class)


def _classes(absent: np.ndarray) -> tuple[tuple[int, ...], list[int]]:
    """Number the patterns in order of appearance; return the numbers and each first index."""
    numbers: dict[bytes, int] = {}
    first: list[int] = []
    classes = []
    for k, pattern in enumerate(absent):
        key = pattern.tobytes()
        if key not in numbers:
            numbers[key] = len(numbers)
            first.append(k)
        classes.append(numbers[key])
    return tuple(classes), first


def start_values(layer: Product, threshold: bool, pad_columns: int) -> np.ndarray:
    """Start values of the accumulators: int64 ``[classes, rows + 1]``; the last is for padding.

    Parameters
    ----------
    layer : Product
    threshold : bool
        The start value is the constant minus the threshold, clipped to the range in which it
        makes a difference, so that the sign bit at the end is the result; a padded row gives 0.
    pad_columns : int
        Columns that only pad the last word. They carry a 0, which signed integers count as their
        plane offset; the start value compensates for what they add.
    """
    border, _ = border_classes(layer)
    const = layer.const + (0 if border is None else border)
    const = np.atleast_2d(const)
    if threshold:
        assert layer.thresholds is not None
        never = -row_tops(layer) - 1
        starts = np.clip(const - layer.thresholds[:, 0], never[:-1], 0)
        pad = int(never[-1])
    else:
        starts, pad = const, 0
    full = np.concatenate([starts, np.full((len(starts), 1), pad)], axis=1)
    return np.asarray(full - pad_columns * pad_sum(layer), dtype=np.int64)
