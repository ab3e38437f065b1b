"""Describes the planes of few-bit weights: where their bits are stored, and what they count."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnnhw.logic.weighted_products import (
    MINUS_ONE,
    NO_MASK,
    PLUS_ONE,
    LaneShape,
    PlaneProduct,
)

__all__ = ["Source", "WeightForm", "store_planes"]

MASKED_COST, SIGN_COST, FURTHER_COST = 1.35, 0.6, 0.75
"""Cells of a masked product with its own sign, of a sign that several masks share, and of the
second and each further product of two bits; relative to the first product of two bits."""

Source = tuple[int, int]
"""Stored bit of a plane's sign, ``PLUS_ONE`` or ``MINUS_ONE``; stored bit of its mask, or
``NO_MASK``."""


@dataclass(frozen=True)
class WeightForm:
    """How a processing element multiplies weights of several planes with activations of several.

    The sum is ``sum over q, m of c[q][m] * popcount(xnor(plane_m, sign_q) & mask_q)``. Planes are
    computed at the same time, or one after the other in steps: a step is one plane of the weights
    (``serial_weights``), of the activations (``serial_activations``), or of both. The planes of
    the weights change slowest, and the highest plane is first.

    Parameters
    ----------
    sources : tuple of Source
        For each plane of the weights, where its sign and its mask are.
    coefficients : tuple of tuple of int
        ``c[q][m]``, 0 for planes that do not meet.
    serial_activations, serial_weights : bool
        With either, the coefficients are a product ``s_q * t_m``.
    """

    sources: tuple[Source, ...]
    coefficients: tuple[tuple[int, ...], ...]
    serial_activations: bool = False
    serial_weights: bool = False

    def __post_init__(self) -> None:
        c = self.coefficients
        if len(c) != len(self.sources) or not c or len({len(row) for row in c}) != 1:
            raise ValueError(f"coefficients {c} do not belong to {len(self.sources)} planes")
        if min(map(min, c)) < 0 or not any(map(any, c)):
            raise ValueError(f"coefficients must be at least 0, and one of them positive: {c}")
        if (self.serial_activations or self.serial_weights) and self.factors is None:
            raise ValueError("planes whose coefficients are no products of two factors cannot be "
                             "computed one after the other")

    @property
    def planes(self) -> int:
        """Planes of an activation."""
        return len(self.coefficients[0])

    @property
    def stored(self) -> int:
        """Bits that are stored for a lane."""
        return 1 + max(max(source) for source in self.sources)

    @property
    def factors(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Factors ``s_q`` and ``t_m`` of the coefficients; None where there are none."""
        scales = tuple(math.gcd(*row) for row in self.coefficients)
        units = {tuple(c // s for c in row) for row, s in
                 zip(self.coefficients, scales, strict=True) if s}
        if len(units) != 1 or not all(scales):
            return None
        return scales, units.pop()

    @property
    def word_bits(self) -> int:
        """Bits of a lane that a weight word has: all stored bits, or those of one plane."""
        if not self.serial_weights:
            return self.stored
        return sum(self._plane_bits)

    @property
    def _plane_bits(self) -> tuple[bool, bool]:
        """Whether the word of a single plane has a sign, and whether it has a mask."""
        signs = {sign for sign, _ in self.sources}
        return len(signs) > 1 or max(signs) >= 0, any(m != NO_MASK for _, m in self.sources)

    @property
    def lane_planes(self) -> int:
        """Planes of an activation that a lane multiplies in a cycle."""
        return 1 if self.serial_activations else self.planes

    @property
    def weight_steps(self) -> int:
        """Weight words of a word of activations."""
        return len(self.sources) if self.serial_weights else 1

    @property
    def activation_steps(self) -> int:
        """Steps for each of these weight words."""
        return self.planes if self.serial_activations else 1

    @property
    def steps(self) -> int:
        """Cycles per word of activations."""
        return self.weight_steps * self.activation_steps

    @property
    def scales(self) -> tuple[int, ...]:
        """Factor of the sum of each step, in the order of the steps."""
        if self.steps == 1:
            return (1,)
        assert self.factors is not None
        weights, activations = self.factors
        outer = weights[::-1] if self.serial_weights else (1,)
        inner = activations[::-1] if self.serial_activations else (1,)
        return tuple(s * t for s in outer for t in inner)

    @property
    def doubles(self) -> bool:
        """Whether each step counts half as much as the one before, so that a sum is doubled."""
        last = self.scales[-1]
        return self.scales == tuple(last << k for k in reversed(range(self.steps)))

    @property
    def groups(self) -> dict[int, LaneShape]:
        """The products that a cycle adds up, by the odd factor of their coefficients."""
        found: dict[int, list[PlaneProduct]] = {}
        for plane, sign, mask, c in self._products():
            shift = (c & -c).bit_length() - 1
            found.setdefault(c >> shift, []).append((plane, sign, mask, shift))
        return {odd: LaneShape(self.lane_planes, self.word_bits, tuple(products))
                for odd, products in sorted(found.items())}

    def _products(self) -> list[tuple[int, int, int, int]]:
        """Plane of the activation, sign, mask and coefficient of each product of a cycle."""
        weights, activations = self.factors or ((), ())
        if self.serial_weights:
            signs, masks = self._plane_bits
            sources: Sequence[Source] = [(0 if signs else self.sources[0][0],
                                          int(signs) if masks else NO_MASK)]
            rows: Sequence[Sequence[int]] = [activations]
        else:
            sources, rows = self.sources, self.coefficients
        if self.serial_activations:
            rows = [(1,)] if self.serial_weights else [(s,) for s in weights]
        return [(m, sign, mask, c) for (sign, mask), row in zip(sources, rows, strict=True)
                for m, c in enumerate(row) if c]

    @property
    def lane_top(self) -> int:
        """Largest sum of a lane in one cycle, before the factor of the step."""
        return sum(odd * shape.top for odd, shape in self.groups.items())

    @property
    def lane_cost(self) -> float:
        """Cells of a lane, relative to one product of a bit by a bit, as measured on ECP5.

        Adders absorb products of two bits, of which the first costs more than those of further
        weights. A masked sign needs a lookup table, which the masks of a sign share.
        ``bench/bit_products.py`` measures these costs.
        """
        products = [p for shape in self.groups.values() for p in shape.products]
        signs = Counter((plane, sign) for plane, sign, mask, _ in products
                        if sign >= 0 and mask != NO_MASK)
        alone = sum(count == 1 for count in signs.values())
        absorbed = len(products) - alone
        return MASKED_COST * alone + SIGN_COST * (len(signs) - alone) + \
            (1 + FURTHER_COST * (absorbed - 1) if absorbed else 0.0)

    @property
    def top(self) -> int:
        """Largest sum of a lane in all steps."""
        return sum(map(sum, self.coefficients))

    @property
    def pad(self) -> tuple[int, ...]:
        """Stored bits of columns and rows that only fill up: a mask clears, a sign is +1."""
        masks = {mask for _, mask in self.sources}
        return tuple(int(k not in masks) for k in range(self.stored))

    def pad_sum(self, planes: Sequence[int]) -> int:
        """Return what such a lane adds where the bits of its activation are ``planes``."""
        def value(k: int) -> int:
            return int(k == PLUS_ONE) if k < 0 else self.pad[k]

        return sum(c * int(a == value(sign) and (mask == NO_MASK or value(mask)))
                   for (sign, mask), row in zip(self.sources, self.coefficients, strict=True)
                   for a, c in zip(planes, row, strict=True))

    def signs(self, stored: np.ndarray) -> np.ndarray:
        """Return the weights of each plane: ``[stored, ...]`` -> int64 ``[Q, ...]`` of -1, 0, 1."""
        bits, planes = stored.astype(np.int64), []
        for sign, mask in self.sources:
            plane = np.full(bits.shape[1:], 3 + 2 * sign) if sign < 0 else 2 * bits[sign] - 1
            planes.append(plane if mask == NO_MASK else plane * bits[mask])
        return np.stack(planes)

    def words(self, stored: np.ndarray) -> np.ndarray:
        """Arrange stored bits as weight words: uint8 ``[weight_steps, word_bits, ...]``."""
        if not self.serial_weights:
            return stored[None]
        (has_signs, has_masks), rows = self._plane_bits, []
        if has_signs:
            rows.append(np.stack([np.full(stored.shape[1:], sign == PLUS_ONE) if sign < 0
                                  else stored[sign] for sign, _ in self.sources]))
        if has_masks:
            rows.append(self.signs(stored) != 0)
        return np.stack(rows, axis=1).astype(np.uint8)[::-1]


def store_planes(weights: np.ndarray, mask: np.ndarray | None,
                 ) -> tuple[tuple[Source, ...], np.ndarray]:
    """Find the few different bits of planes of weights that have to be stored.

    Signs that are masked can be anything, so that planes with the same signs share them.

    Parameters
    ----------
    weights : uint8 [Q, out, in]
        1 for +1, 0 for -1.
    mask : uint8 [Q, out, in] or None
        0 where the weight is 0.

    Returns
    -------
    sources : tuple of Source
    stored : uint8 [B, out, in]
        At least one array.
    """
    arrays: list[np.ndarray] = []
    cares: list[np.ndarray] = []

    def place(bits: np.ndarray, care: np.ndarray) -> int:
        for k, (other, known) in enumerate(zip(arrays, cares, strict=True)):
            if (bits[care & known] == other[care & known]).all():
                arrays[k] = np.where(care, bits, other)
                cares[k] = care | known
                return k
        arrays.append(bits)
        cares.append(care)
        return len(arrays) - 1

    full = np.ones(weights.shape[1:], dtype=bool)
    masks = [full if mask is None else mask[q].astype(bool) for q in range(len(weights))]
    at = [NO_MASK if used.all() else place(used.astype(np.uint8), full) for used in masks]
    sources: list[Source] = []
    for q, used in enumerate(masks):
        chosen = weights[q][used]
        if at[q] != NO_MASK and (chosen == 1).all():
            sources.append((PLUS_ONE, at[q]))
        elif at[q] != NO_MASK and not chosen.any():
            sources.append((MINUS_ONE, at[q]))
        else:
            sources.append((place(weights[q], used), at[q]))
    return tuple(sources), np.stack(arrays).astype(np.uint8)
