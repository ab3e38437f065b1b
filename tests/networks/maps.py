"""Networks of maps and signals for tests: windows, pads, pools, residuals, groups, integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bnnhw.config.hints import Hints, LayerHint
from bnnhw.ir import Bits, Graph, Int, Spread, TensorType, Window
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Crop,
    Dense,
    DepthToSpace,
    Divide,
    Division,
    Flatten,
    Layer,
    MaxPool,
    Multiply,
    Select,
    SpaceToDepth,
    SumPool,
    Threshold,
    Upsample,
    product_sum,
)
from bnnhw.layers.division import ROUNDINGS
from tests.networks.choices import Choices, SeededChoices

__all__ = ["Maker", "make_map_network", "make_shaped_network", "random_map_network"]


WINDOW_ATTEMPTS = 100
"""Windows that are tried before a layer gets one of a single pixel."""


class Maker:
    """Adds layers to a network, one kind at a time."""

    def __init__(self, choices: Choices, input_: TensorType) -> None:
        self.choices = choices
        self.input = input_
        self.layers: list[Layer] = []
        self.hints: Hints = {}

    @property
    def last(self) -> tuple[str, TensorType]:
        if not self.layers:
            return "input", self.input
        return self.layers[-1].name, self.layers[-1].out_type()

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self.layers)}"

    def integer(self, low: int, high: int) -> int:
        return self.choices.integer(low, high)

    def chance(self, probability: float) -> bool:
        return self.choices.chance(probability)

    def window(self, height: int, width: int, kernel: int = 3, padded: bool = True,
               same: bool = False) -> Window:
        """A window that fits the map; ``same`` keeps its size."""
        if same:
            k = (2 * self.integer(0, 1) + 1, 1 if width == 1 else 2 * self.integer(0, 1) + 1)
            return Window(k, pads=(k[0] // 2, k[1] // 2, k[0] // 2, k[1] // 2))
        for _ in range(WINDOW_ATTEMPTS):
            columns = 1 if width == 1 else self.integer(1, kernel)
            k = (self.integer(1, kernel), columns)
            stride = (self.integer(1, 2), 1 if width == 1 else self.integer(1, 2))
            dilation = (self.integer(1, 2), 1 if width == 1 else self.integer(1, 2))
            pads = [self.integer(0, 2) if padded and self.chance(0.5) else 0 for _ in range(4)]
            if width == 1:
                pads[1] = pads[3] = 0
            w = Window(k, stride, dilation, (pads[0], pads[1], pads[2], pads[3]))
            if min(w.out_size(height, width)) >= 1:
                return w
        return Window((1, 1))

    def conv(self, outputs: int, *, window: Window | None = None, groups: int = 1,
             sums: bool = False, levels: int = 1, source: str | None = None,
             unipolar: bool = False) -> Conv:
        """A convolution with random weights, padding and thresholds around the middle."""
        name, type_ = self.last
        if source is not None:
            name, type_ = source, next(la.out_type() for la in self.layers if la.name == source)
        height, width, channels = type_.map
        w = window or self.window(height, width)
        fan_in = w.taps * channels // groups
        weights = self.choices.bits((outputs, fan_in))
        element = type_.element
        bipolar = isinstance(element, Bits) and not element.unipolar
        absent = bipolar and self.chance(0.5)
        shape = (1, 1, 1) if self.chance(0.7) else (2, 2, self.integer(1, 3))
        pad = self.choices.integers(element.lo, element.hi, shape)
        if absent:
            pad = np.zeros((1, 1, 1), dtype=np.int64)
        coefficients, const = product_sum(weights, element)
        if bipolar and not absent and not sums and self.chance(0.5):
            coefficients, const = (1,), np.zeros(outputs, dtype=np.int64)
        if sums:
            thresholds = None
        else:
            middle = const + sum(coefficients) * fan_in // 2
            spread = max(2, sum(coefficients) * int(np.sqrt(fan_in)) // 2)
            thresholds = np.sort(middle[:, None] + self.choices.integers(
                -spread, spread, (outputs, levels)), axis=1)
        layer = Conv(self._name("conv"), name, type_, weights[None], coefficients, const,
                     thresholds, unipolar, window=w, groups_=groups, pad=pad, absent=absent)
        self.layers.append(layer)
        return layer

    def fold(self, layer: Conv | Dense) -> None:
        """Choose a fold for a layer."""
        depthwise = layer.groups == layer.outputs == layer.input.channels > 1
        rows = layer.outputs if depthwise else layer.outputs // layer.groups
        if isinstance(layer, Dense):
            self.hints[layer.name] = LayerHint(self.integer(1, rows), self.integer(1, layer.fan_in))
            return
        channels = layer.input.channels // layer.groups
        simd = 1 if depthwise else self.integer(1, channels)
        uniform = layer.pad.size == 1 or not layer.window.padded
        if self.chance(0.3) and uniform and (depthwise or layer.groups == 1):
            simd *= layer.window.taps
        self.hints[layer.name] = LayerHint(self.integer(1, rows), simd)

    def dense(self, outputs: int) -> Dense:
        """Raw sums of the entire map."""
        if len(self.last[1].shape) != 1:
            self.layers.append(Flatten(self._name("flatten"), *self.last))
        name, type_ = self.last
        weights = self.choices.bits((outputs, type_.size))
        coefficients, const = product_sum(weights, type_.element)
        layer = Dense(self._name("fc"), name, type_, weights[None], coefficients, const, None)
        self.layers.append(layer)
        return layer

    def threshold(self, levels: int = 1) -> None:
        name, type_ = self.last
        middle = (type_.element.lo + type_.element.hi) // 2
        values = np.sort(middle + self.choices.integers(-3, 3, (type_.channels, levels)), axis=1)
        self.layers.append(Threshold(self._name("sign"), name, type_, values, self.choices.bits(
            type_.channels)))

    def max_pool(self) -> None:
        name, type_ = self.last
        height, width, channels = type_.map
        smallest = self.choices.bits(channels) * self.integer(0, 1)
        self.layers.append(MaxPool(self._name("pool"), name, type_, self.window(height, width),
                                   smallest.astype(np.uint8)))

    def sum_pool(self, entire: bool) -> None:
        name, type_ = self.last
        height, width, _ = type_.map
        w = Window((height, width)) if entire else self.window(height, width, padded=False)
        self.layers.append(SumPool(self._name("mean"), name, type_, w))

    def division(self, low: int, high: int) -> Division:
        """A division of the numbers ``low`` to ``high`` that leaves several results."""
        divisor = self.integer(1, max(2, (high - low) // 3))
        rounding = sorted(ROUNDINGS)[self.integer(0, len(ROUNDINGS) - 1)]
        limits = None
        if self.chance(0.4):
            first = self.integer(low // divisor, high // divisor)
            limits = (first, first + self.integer(1, 12))
        return Division(divisor, rounding, limits)

    def divide(self) -> None:
        name, type_ = self.last
        division = self.division(type_.element.lo, type_.element.hi)
        self.layers.append(Divide(self._name("shift"), name, type_, division))

    def average_pool(self, entire: bool) -> None:
        name, type_ = self.last
        height, width, _ = type_.map
        w = Window((height, width)) if entire else self.window(height, width)
        sums = SumPool("sums", name, type_, w).out_type().element
        self.layers.append(AveragePool(self._name("mean"), name, type_, w,
                                       self.division(sums.lo, sums.hi)))

    def transposed(self) -> None:
        """A transposed convolution, whose stride may or may not divide its kernel."""
        name, type_ = self.last
        if not type_.element.lo <= 0 <= type_.element.hi:
            return
        axes = [(self.integer(1, 4), self.integer(1, 2)) if n > 1 else (1, 1)
                for n in type_.map[:2]]
        (rows, down), (columns, right) = axes
        pads = [self.integer(0, (k - 1) // 2) for k in (rows, columns, rows, columns)]
        spread = Spread((rows, columns), (down, right), (pads[0], pads[1], pads[2], pads[3]),
                        (self.integer(0, down - 1), self.integer(0, right - 1)))
        if min(spread.out_size(*type_.map[:2])) < 1:
            return
        outputs = self.integer(1, 3)
        weights = self.choices.bits((outputs, spread.taps * type_.channels))
        coefficients, const = product_sum(weights, type_.element)
        levels = self.integer(0, 3)
        thresholds = np.sort(self.choices.integers(-9, 9, (outputs, levels)), axis=1)
        self.layers.append(ConvTranspose(
            self._name("up"), name, type_, weights[None], coefficients, const,
            thresholds if levels else None, True, spread))

    def crop(self) -> None:
        name, type_ = self.last
        height, width, _ = type_.map
        top, left = self.integer(0, (height - 1) // 2), self.integer(0, (width - 1) // 2)
        bottom, right = self.integer(0, (height - 1) // 2), self.integer(0, (width - 1) // 2)
        self.layers.append(Crop(self._name("crop"), name, type_, (top, left, bottom, right)))

    def shuffle(self) -> None:
        """A block of pixels becomes the channels of one, or the other way round."""
        name, type_ = self.last
        height, width, channels = type_.map
        order = "crd" if self.chance(0.5) else "dcr"
        factors = (2 if self.chance(0.7) else 1, 1 if width == 1 else self.integer(1, 2))
        if not (height % factors[0] or width % factors[1]) and self.chance(0.5):
            self.layers.append(SpaceToDepth(self._name("deep"), name, type_, factors, order))
        elif channels % (factors[0] * factors[1]) == 0 and type_.size < 200:
            self.layers.append(DepthToSpace(self._name("wide"), name, type_, factors, order))

    def gate(self) -> None:
        """Squeeze and excite: the map times a number for each channel that depends on the map."""
        name, type_ = self.last
        self.average_pool(entire=True)
        if self.chance(0.6):
            self.dense(self.integer(1, 4))
            self.threshold(self.integer(2, 3))
            sums = self.dense(type_.channels).out_type().element
            assert isinstance(sums, Int)
            hard = Division(self.integer(1, 4), limits=(0, self.integer(1, 15)))
            self.layers.append(Divide(self._name("gate"), *self.last, hard))
        gate, gate_type = self.last
        pairs = [(name, type_), (gate, gate_type)]
        (first, one), (second, two) = reversed(pairs) if self.chance(0.5) else pairs
        product = Multiply(self._name("times"), first, one, second, two)
        self.layers.append(replace(product, division=self.division(*product.product_range())))

    def residual(self) -> None:
        """Two sums of the same shape, one through an affine layer, added and saturated."""
        name, type_ = self.last
        height, width, channels = type_.map
        outputs = channels if self.chance(0.5) else self.integer(1, 4)
        first = self.conv(outputs, window=self.window(height, width, same=True), sums=True)
        type_a = first.out_type()
        affine = Affine(self._name("scale"), first.name, type_a,
                        self.choices.integers(-5, 5, outputs),
                        self.choices.integers(-20, 19, outputs), self.integer(0, 3))
        self.layers.append(affine)
        if outputs == channels and isinstance(type_.element, Int):
            other, other_type = name, type_
        else:
            second = self._branch(name, type_, outputs)
            other, other_type = second.name, second.out_type()
        limits = (-20, 20) if self.chance(0.5) else None
        self.layers.append(Add(self._name("add"), affine.name, affine.out_type(), other,
                               other_type, limits))
        self.threshold(self.integer(1, 3))

    def _branch(self, name: str, type_: TensorType, outputs: int) -> Conv:
        if name == "input":
            saved, self.layers = self.layers, []
            layer = self.conv(outputs, window=Window((1, 1)), sums=True)
            self.layers = saved
            layer = replace(layer, name=self._name("short"))
            self.layers.append(layer)
            return layer
        return self.conv(outputs, window=Window((1, 1)), sums=True, source=name)

    def concat(self) -> None:
        """The same map twice: once through a convolution that keeps its size."""
        name, type_ = self.last
        if not isinstance(type_.element, Bits) or type_.element.unipolar or name == "input":
            return
        layer = self.conv(self.integer(1, 4), window=self.window(*type_.map[:2], same=True))
        self.layers.append(Concat(self._name("join"), layer.name, layer.out_type(), name, type_))

    def select(self) -> None:
        name, type_ = self.last
        self.layers.append(Select(self._name("pick"), name, type_, self.choices.integers(
            0, type_.channels - 1, self.integer(1, 5))))

    def upsample(self) -> None:
        name, type_ = self.last
        factors = (self.integer(1, 2), 1 if type_.map[1] == 1 else self.integer(1, 2))
        self.layers.append(Upsample(self._name("grow"), name, type_, factors))


def random_map_network(seed: int, steps: int = 4) -> tuple[Graph, Hints]:
    """Make the network of a seed (see ``make_map_network``)."""
    return make_map_network(SeededChoices(seed), SeededChoices(seed), steps)


def make_map_network(structure: Choices, layers: Choices, steps: int) -> tuple[Graph, Hints]:
    """Make a network on a small map or signal, and folds by hand for some of its layers.

    Parameters
    ----------
    structure : Choices
        Input, number of layers, and outputs.
    layers : Choices
        Kinds, sizes, weights and folds.
    steps : int
        Maximum number of additions to the network; each adds one to six layers.
    """
    element = [Bits(), Bits(), Bits(unipolar=True), Int(-8, 7),
               Int(0, 7)][structure.integer(0, 4)]
    signal = structure.chance(0.2)
    sizes = ((4, 8), (1, 4)) if signal else ((3, 6), (3, 6), (1, 4))
    shape = tuple(structure.integer(low, high) for low, high in sizes)
    make = Maker(layers, TensorType(shape, element))
    if isinstance(element, Int):
        make.conv(make.integer(1, 6), levels=make.integer(1, 2))
    for _ in range(structure.integer(1, steps)):
        _grow(make)
    if isinstance(make.last[1].element, Int) and make.layers[-1].kind != "threshold":
        make.threshold()
    outputs = []
    tail = structure.integer(0, 3)
    if tail == 0 or not any(layer.kind == "conv" for layer in make.layers):
        scores = make.dense(make.integer(2, 5))
        make.layers.append(ArgMax("label", scores.name, scores.out_type()))
        outputs = [("scores", scores.name), ("label", "label")]
    elif tail == 1:
        make.sum_pool(entire=True)
        outputs = [("sums", make.last[0])]
    else:
        outputs = [("map", make.last[0])]
    if tail == 3 and len(make.layers) > 2:
        inner = make.layers[structure.integer(0, len(make.layers) - 2)]
        if inner.kind != "flatten":
            outputs.insert(structure.integer(0, 1), ("inner", inner.name))
    for layer in make.layers:
        if isinstance(layer, (Conv, Dense)) and make.chance(0.5):
            make.fold(layer)
    return Graph("net", make.input, tuple(make.layers), tuple(outputs)), make.hints


def make_shaped_network(choices: Choices, steps: int) -> tuple[Graph, Hints]:
    """Make a network of layers that divide numbers or change the shape of a map.

    It begins with a convolution, whose results are bits of 0/1 or a few levels.
    """
    signal = choices.chance(0.15)
    shape = (choices.integer(3, 6), *(() if signal else (choices.integer(2, 6),)),
             choices.integer(1, 3))
    make = Maker(choices, TensorType(shape, Int(-8, 7)))
    make.conv(make.integer(1, 8), window=Window((1, 1)), sums=make.chance(0.3),
              levels=make.integer(1, 5), unipolar=True)
    kinds: tuple[Callable[[], None], ...] = (
        make.divide, lambda: make.average_pool(entire=False), make.crop, make.shuffle,
        make.shuffle, make.gate, make.max_pool, make.transposed)
    for _ in range(make.integer(1, steps)):
        kinds[make.integer(0, len(kinds) - 1)]()
    for layer in make.layers:
        if isinstance(layer, (Conv, Dense)) and make.chance(0.3):
            make.fold(layer)
    return Graph("net", make.input, tuple(make.layers), (("y", make.last[0]),)), make.hints


def _grow(make: Maker) -> None:
    _, type_ = make.last
    kind = make.integer(0, 9)
    channels = type_.channels
    if kind <= 2 or (isinstance(type_.element, Int) and kind <= 5):
        make.conv(make.integer(1, 6), levels=make.integer(1, 2) if make.chance(0.2) else 1)
    elif kind == 3 and channels > 1:
        make.conv(channels, groups=channels)
    elif kind == 4 and channels % 2 == 0:
        make.conv(2 * make.integer(1, 3), groups=2)
    elif kind == 5:
        make.max_pool()
    elif kind == 6:
        make.residual()
    elif kind == 7:
        make.concat()
    elif kind == 8:
        make.select()
    elif kind == 9 and type_.size < 150:
        make.upsample()
    else:
        make.sum_pool(entire=False)
        make.threshold()
