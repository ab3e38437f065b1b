"""Weights of several bits for tests: every scheme as planes of -1, 0 and +1 with coefficients."""

from __future__ import annotations

import numpy as np

from bnnhw.logic.block_spec import LayerSpec
from tests.networks import Choices

__all__ = ["SCHEMES", "make_layer", "make_planes"]

SCHEMES = ("ternary", "dorefa", "magnitude", "two's complement", "bases", "residual", "one bit")
"""Ways to write weights; ``bases`` and ``residual`` have coefficients that are no powers of two."""

EDGES = ("threshold", "levels", "scores", "scaled scores", "classes", "scores of classes")
"""What a layer does with its sums."""


def make_planes(choices: Choices, scheme: str, rows: int, columns: int,
                bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a scheme, for activations of ``bits`` bits.

    Returns
    -------
    signs : int8 [Q, rows, columns]
    coefficients : int64 [Q, bits]
    """
    def bipolar(count: int) -> np.ndarray:
        return 2 * choices.bits((count, rows, columns)).astype(np.int8) - 1

    powers = 1 << np.arange(bits, dtype=np.int64)
    count = choices.integer(2, 4)
    scales = 1 << np.arange(count, dtype=np.int64)
    if scheme in ("one bit", "ternary"):
        signs = bipolar(1)
        if scheme == "ternary":
            signs *= choices.bits(signs.shape).astype(np.int8)
        return signs, powers[None] * choices.integer(1, 3)
    if scheme == "dorefa":
        return bipolar(count), scales[:, None] * powers
    if scheme == "magnitude":
        values = choices.integers(1 - (1 << count), (1 << count) - 1, (rows, columns))
        signs = np.stack([np.sign(values) * (np.abs(values) >> q & 1) for q in range(count)])
        return signs.astype(np.int8), scales[:, None] * powers
    if scheme == "two's complement":
        signs = choices.bits((count, rows, columns)).astype(np.int8)
        signs[-1] *= -1
        return signs, scales[:, None] * powers
    if scheme == "bases":
        return bipolar(count), choices.integers(1, 40, (count, bits))
    signs = bipolar(bits)
    return signs, np.diag(choices.integers(1, 40, bits)).astype(np.int64)


def make_layer(choices: Choices, scheme: str, edge: str) -> LayerSpec:
    """A layer of a scheme with limits, levels, scores, or border classes."""
    rows, columns, bits = choices.integer(1, 6), choices.integer(1, 14), choices.integer(1, 3)
    signs, coefficients = make_planes(choices, scheme, rows, columns, bits)
    classes = 3 if "classes" in edge else 1
    signed, zeros = choices.chance(0.5), np.zeros((classes, rows), np.int64)
    empty = LayerSpec(signs, coefficients, signed, None, 1, zeros, 1)
    if "scores" in edge:
        scale = choices.integer(1, 6) if "scaled" in edge else 1
        const = choices.integers(-60, 60, (classes, rows))
        return LayerSpec(signs, coefficients, signed, None, scale, const,
                         (scale * empty.max_count + 60).bit_length() + 1)
    levels = 3 if edge == "levels" else 1
    limits = np.sort(choices.integers(0, int(empty.tops.max()) + 1, (classes, rows, levels)))
    return LayerSpec(signs, coefficients, signed, limits, 1, zeros, levels.bit_length())
