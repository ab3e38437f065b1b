"""The networks that the resource model is fitted to: every unit, over typical foldings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.config.hints import Hints, LayerHint
from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    Concat,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    SumPool,
    Threshold,
    Upsample,
    product_sum,
)

__all__ = ["Configuration", "configurations"]

SAME = Window((3, 3), pads=(1, 1, 1, 1))


@dataclass(frozen=True)
class Configuration:
    """A network, its folds, and the cycles per frame that all else is planned for."""

    graph: Graph
    hints: Hints
    target_cycles: int


class _Net:
    def __init__(self, name: str, seed: int, input_: TensorType) -> None:
        self.name, self.random = name, np.random.default_rng(seed)
        self.input = input_
        self.layers: list[Layer] = []
        self.hints: Hints = {}

    def last(self, name: str | None = None) -> tuple[str, TensorType]:
        if name is not None:
            return name, next(la.out_type() for la in self.layers if la.name == name)
        return (self.layers[-1].name, self.layers[-1].out_type()) if self.layers else \
            ("input", self.input)

    def _weights(self, rows: int, columns: int) -> np.ndarray:
        return self.random.integers(0, 2, (rows, columns), dtype=np.uint8)

    def conv(self, outputs: int, window: Window, fold: tuple[int, int], *, groups: int = 1,
             sums: bool = False, absent: bool = False, memory: str = "auto",
             source: str | None = None, levels: int = 1) -> str:
        name, type_ = self.last(source)
        columns = window.taps * type_.channels // groups
        w = self._weights(outputs, columns)
        coefficients, const = product_sum(w, type_.element)
        if isinstance(type_.element, Bits) and not absent and not sums:
            coefficients, const = (1,), np.zeros(outputs, np.int64)
        middle = const + sum(coefficients) * columns // 2
        t = None if sums else np.sort(middle[:, None] + self.random.integers(
            -columns // 4, columns // 4 + 1, (outputs, levels)), axis=1)
        layer = Conv(f"conv{len(self.layers)}", name, type_, w[None], coefficients, const, t,
                     window=window, groups_=groups, absent=absent)
        self.layers.append(layer)
        self.hints[layer.name] = LayerHint(*fold, memory)
        return layer.name

    def dense(self, outputs: int, fold: tuple[int, int], *, sums: bool = False,
              memory: str = "auto") -> str:
        if len(self.last()[1].shape) > 1:
            self.layers.append(Flatten(f"flatten{len(self.layers)}", *self.last()))
        name, type_ = self.last()
        w = self._weights(outputs, type_.size)
        coefficients, const = product_sum(w, type_.element)
        if isinstance(type_.element, Bits) and not sums:
            coefficients, const = (1,), np.zeros(outputs, np.int64)
        middle = const + sum(coefficients) * type_.size // 2
        spread = max(2, type_.size // 4)
        t = None if sums else middle[:, None] + self.random.integers(-spread, spread, (outputs, 1))
        layer = Dense(f"fc{len(self.layers)}", name, type_, w[None], coefficients, const, t)
        self.layers.append(layer)
        self.hints[layer.name] = LayerHint(*fold, memory)
        return layer.name

    def add(self, layer: Layer) -> str:
        self.layers.append(layer)
        return layer.name

    def done(self, target: int) -> Configuration:
        graph = Graph(self.name, self.input, tuple(self.layers), (("y", self.layers[-1].name),))
        return Configuration(graph, self.hints, target)


def _dense(seed: int, sizes: list[int], folds: list[tuple[int, int]], memory: str) -> Configuration:
    net = _Net(f"dense{seed}", seed, TensorType((sizes[0],), Bits()))
    for outputs, fold in zip(sizes[1:], folds, strict=True):
        net.dense(outputs, fold, memory=memory)
    return net.done(4096)


def _maps(seed: int, side: int, channels: list[int], folds: list[tuple[int, int]],
          element: Bits | Int, absent: bool, memory: str, target: int) -> Configuration:
    net = _Net(f"maps{seed}", seed, TensorType((side, side, channels[0]), element))
    for k, (outputs, fold) in enumerate(zip(channels[1:], folds, strict=True)):
        zero = absent and k > 0
        net.conv(outputs, SAME if zero or seed % 2 else Window((3, 3)), fold, absent=zero,
                 memory=memory)
        if k == 1:
            name, type_ = net.last()
            net.add(MaxPool(f"pool{k}", name, type_, Window((2, 2), (2, 2))))
    return net.done(target)


def _residual(seed: int, side: int, channels: int, fold: tuple[int, int]) -> Configuration:
    net = _Net(f"residual{seed}", seed, TensorType((side, side, channels), Bits()))
    net.conv(channels, SAME, fold, sums=True)
    name, type_ = net.last()
    scale = net.random.integers(1, 16, channels)
    net.add(Affine("scale0", name, type_, scale, net.random.integers(-50, 50, channels), 3))
    name, type_ = net.last()
    net.add(Threshold("sign0", name, type_, net.random.integers(-9, 9, (channels, 1)),
                      np.zeros(channels, np.uint8)))
    net.conv(channels, SAME, fold, sums=True, absent=True)
    name, type_ = net.last()
    a = net.last("scale0")
    net.add(Add("add0", name, type_, *a, (-128, 127)))
    name, type_ = net.last()
    net.add(Threshold("sign1", name, type_, np.sort(net.random.integers(-9, 9, (channels, 2))),
                      np.zeros(channels, np.uint8)))
    name, type_ = net.last()
    net.add(SumPool("mean", name, type_, Window((side, side))))
    net.dense(10, (1, 4), sums=True)
    name, type_ = net.last()
    net.add(ArgMax("label", name, type_))
    return net.done(20000)


def _mobile(seed: int, side: int, channels: int, lanes: int) -> Configuration:
    net = _Net(f"mobile{seed}", seed, TensorType((side, side, channels), Bits()))
    net.conv(channels, SAME, (lanes, 1 if seed % 2 else 9), groups=channels)
    net.conv(2 * channels, Window((1, 1)), (lanes, channels))
    net.conv(2 * channels, SAME, (lanes, channels // 2), groups=2)
    name, type_ = net.last()
    first = net.last()[0]
    net.conv(2 * channels, SAME, (lanes, channels))
    name, type_ = net.last()
    net.add(Concat("join", name, type_, *net.last(first)))
    name, type_ = net.last()
    net.add(Upsample("grow", name, type_, (2, 2)))
    net.conv(4, Window((1, 1)), (2, channels))
    return net.done(40000)


def configurations() -> list[Configuration]:
    """All of them, in a fixed order; every one synthesises in seconds."""
    result = []
    for k, memory in enumerate(("auto", "lut", "block")):
        result += [
            _dense(10 * k + 1, [196, 64, 32, 10], [(4, 14), (8, 8), (2, 8)], memory),
            _dense(10 * k + 2, [256, 48, 48], [(12, 32), (16, 12)], memory),
            _dense(10 * k + 3, [400, 30, 50], [(2, 7), (25, 6)], memory),
            _dense(10 * k + 4, [64, 128, 64], [(32, 16), (8, 64)], memory),
            _dense(10 * k + 5, [120, 20, 20], [(1, 1), (1, 4)], memory),
        ]
        for n, (side, channels, folds) in enumerate((
                (10, [3, 16, 16, 32], [(4, 3), (8, 8), (4, 16)]),
                (8, [8, 24, 32, 16], [(6, 8), (16, 24), (8, 4)]),
                (12, [16, 32, 32], [(16, 16), (8, 32)]),
                (9, [4, 12, 20, 20], [(3, 36), (5, 108), (1, 1)]),
                (14, [1, 8, 8, 64], [(8, 1), (8, 72), (2, 8)]))):
            element = (Bits(), Int(-128, 127), Int(0, 15))[(n + k) % 3]
            target = 60000 if n % 2 else 2000000
            result.append(_maps(10 * k + n + 6, side, channels, folds, element, (n + k) % 2 == 1,
                                memory, target))
    for n, (side, channels, fold) in enumerate(((8, 8, (2, 4)), (8, 16, (4, 16)), (6, 32, (8, 8)),
                                                (10, 12, (12, 12)))):
        result.append(_residual(n, side, channels, fold))
    for n, (side, channels, lanes) in enumerate(((8, 8, 2), (8, 16, 4), (6, 32, 8), (10, 12, 3))):
        result.append(_mobile(n, side, channels, lanes))
    # Tables of many block RAMs, wide arrays, and numbers instead of bits.
    result += [
        _dense(101, [512, 256, 32], [(1, 4), (2, 16)], "block"),
        _dense(102, [300, 300], [(2, 4)], "block"),
        _dense(103, [1024, 128, 256], [(4, 16), (1, 32)], "block"),
        _dense(104, [256, 128], [(32, 32)], "block"),
        _dense(105, [1152, 256], [(4, 32)], "block"),
        _dense(106, [2304, 64], [(1, 32)], "block"),
        _maps(111, 12, [3, 32, 16], [(16, 3), (4, 16)], Int(-128, 127), False, "block", 20000),
        _maps(112, 10, [6, 24, 8], [(8, 6), (2, 12)], Int(-128, 127), False, "lut", 3000),
        _maps(113, 10, [3, 16, 8], [(4, 27), (2, 8)], Int(0, 255), False, "block", 2000),
        _maps(114, 9, [8, 16, 8], [(4, 8), (4, 16)], Int(-8, 7), True, "block", 3000),
    ]
    # Words that share few divisors, as the search for the fastest fold leaves them.
    result += [
        _dense(121, [64, 1024, 256, 240, 10], [(24, 1), (7, 103), (64, 13), (2, 24)], "auto"),
        _dense(122, [64, 784, 240, 256, 10], [(16, 1), (16, 49), (30, 24), (2, 23)], "auto"),
        _dense(123, [64, 256, 256, 256, 10], [(40, 1), (9, 32), (50, 9), (2, 12)], "auto"),
        _dense(124, [64, 128, 512, 96, 10], [(100, 1), (20, 11), (48, 33), (1, 36)], "auto"),
    ]
    return result
