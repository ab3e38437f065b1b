"""Prices the folds of product layers by the cost model that was fitted to the device's family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.arch.streaming.products import row_groups, window_of
from bnnhw.dataflow.folding import Fold, Matrix, candidates, pick
from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.converter import converter_features
from bnnhw.dataflow.units.mvtu import Storage, sketch_mvtu
from bnnhw.families import Device
from bnnhw.families.costs import Cost, block_price
from bnnhw.golden.layout import beats
from bnnhw.layers import Conv, Product

__all__ = ["FittedPrices", "has_prices", "solve_within"]

DEARER = 1.25
"""Factor on the price of a block RAM while the folds need more than the part has."""
DEAREST = 1e4
"""Price in LUTs above which block RAM is given up."""
AFTER_SUMS = 8.0
"""LUTs per bit and row of the units after sums, which are as wide: an argmax, for example."""


def has_prices(device: Device) -> bool:
    """Whether fitted prices say which fold is cheapest on a device.

    A family may have no cost model. On a part with SPRAM, the weights of some layers go there and
    take no block RAM, but only the finished folds decide which ones.
    """
    return device.family.costs is not None and not (device.budget and device.budget.spram)


class FittedPrices:
    """Prices of units in LUTs, from ``Params.cost`` of the units that a fold makes.

    A block RAM has a price in LUTs too. It decides whether a wide and shallow ROM, which uses
    little of each block RAM, is worth it, and whether a ROM is better stored in LUTs.

    Parameters
    ----------
    device : Device
        Of a family with a cost model.
    layers : dict of str to Product
        The product layers by name.
    """

    def __init__(self, device: Device, layers: dict[str, Product]) -> None:
        self.device, self.layers = device, layers
        self.block_luts = block_price(device)
        """Price of a block RAM in LUTs; it may change, while the costs are found only once."""
        self._products: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._converters: dict[str, np.ndarray] = {}

    def products(self, matrix: Matrix, folds: list[Fold]) -> np.ndarray:
        luts, blocks = self._costs_of(matrix, folds)
        return np.asarray((luts + self.block_luts * blocks).min(axis=1))

    def blocks(self, matrix: Matrix, folds: list[Fold], fold: Fold) -> int:
        """Block RAMs of a layer at one of its folds, with the cheapest storage of its ROMs."""
        luts, blocks = (found[folds.index(fold)] for found in self._costs_of(matrix, folds))
        return int(blocks[(luts + self.block_luts * blocks).argmin()])

    def _costs_of(self, matrix: Matrix, folds: list[Fold]) -> tuple[np.ndarray, np.ndarray]:
        """LUTs and block RAMs of a layer: float ``[folds, storages]`` each."""
        if matrix.name not in self._products:
            costs = [self._costs(matrix, fold) for fold in folds]
            self._products[matrix.name] = (np.array([[c.lut for c in row] for row in costs]),
                                           np.array([[c.block for c in row] for row in costs]))
        return self._products[matrix.name]

    def _costs(self, matrix: Matrix, fold: Fold) -> tuple[Cost, ...]:
        """The costs of a layer at a fold, for each storage of its ROMs."""
        layer, device = self.layers[matrix.name], self.device
        across = matrix.rows if matrix.depthwise else matrix.channels
        i = StreamPlan(across, matrix.lanes_in(fold), matrix.bits,
                       groups=layer.input.size // across)
        front = Cost(0.0, 0.0, 0)
        window = self._window(layer, matrix, fold, i)
        if window is not None:
            i, front = window.o, window.cost(device)
        if matrix.input_width > 1:  # the word at the input is thresholded bit by bit
            front += Cost(float(fold.simd * matrix.input_width), 0.0, 0)
        if matrix.sums:
            front += Cost(AFTER_SUMS * fold.pe * matrix.acc_width, 0.0, 0)
        groups = row_groups(layer, matrix, fold)
        storages = [Storage(weights, starts)
                    for weights in self._styles(groups * matrix.sf(fold.simd)
                                           * matrix.weight_words(fold))
                    for starts in self._styles(groups)]
        return tuple(front + sketch_mvtu(layer, matrix, fold, i, device, storage,
                                         matrix.acc_width, 1).cost(device)
                     for storage in storages)

    def _styles(self, depth: int) -> tuple[str, ...]:
        """Where a ROM can be stored: see ``memories.choose_memories``."""
        memory = self.device.memory
        if not memory.block_shapes:
            return ("lut",)
        if self.device.budget is None:
            return (memory.rom_style(depth),)
        return ("block", "lut")

    def _window(self, layer: Product, matrix: Matrix, fold: Fold,
                i: StreamPlan) -> BufferParams[None] | None:
        """The window unit of a layer, with an estimate of its depth; None without one."""
        if not isinstance(layer, Conv) or layer.window.pointwise:
            return None
        size = layer.input.map[:2]
        rows = layer.window.reach[0] + layer.window.stride[0]
        depth = rows * size[1] * beats(i.elements, i.lanes) * (i.groups // (size[0] * size[1]))
        params = window_of(layer.name, layer, matrix, fold, i, None)
        return replace(params, depth=params.round_depth(depth)).with_storage(self.device)

    def converters(self, matrix: Matrix, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if matrix.name not in self._converters:
            model = self.device.family.need_costs().kinds["converter"]["lut"]
            across = matrix.rows if matrix.depthwise else matrix.channels
            features = converter_features(across, a, b, matrix.bits, matrix.pixels)
            price = sum(model.get(name, 0.0) * count for name, count in features.items())
            self._converters[matrix.name] = np.where(a == b, 0.0, price)
        return self._converters[matrix.name]


def solve_within(matrices: list[Matrix], target: int, prices: FittedPrices) -> list[Fold]:
    """Pick the folds of least price whose block RAMs fit the part.

    The price of a block RAM rises until the folds need few enough of them.

    Parameters
    ----------
    matrices, target
        As for ``folding.solve``.
    prices : FittedPrices
        Made for these layers and this target.
    """
    choices, budget = candidates(matrices, target), prices.device.budget
    while True:
        folds = pick(matrices, choices, prices)
        blocks = sum(map(prices.blocks, matrices, choices, folds))
        if budget is None or blocks <= budget.blocks or prices.block_luts > DEAREST:
            return folds
        prices.block_luts *= DEARER
