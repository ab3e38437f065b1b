"""Graphs of every layer kind for tests, with parameters that no trained network would have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bnnhw.ir import Bits, Element, Graph, Int, Spread, TensorType, Window
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    Binarize,
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
    PRelu,
    Select,
    SpaceToDepth,
    SumPool,
    Threshold,
    Upsample,
    product_sum,
)
from bnnhw.layers.division import ROUNDINGS
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import WeightPlanes, split_values
from tests.networks.choices import Choices, SeededChoices

__all__ = ["any_graph", "make_any_graph"]


class Maker:
    """Adds layers one after another, each of which reads any of those before it."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.layers: list[Layer] = []
        self.types: dict[str, TensorType] = {"input": TensorType(self.shape(), self.element())}
        if self.chance(0.3) and isinstance(self.types["input"].element, Int):
            element = self.types["input"].element
            self.add(Binarize("pixels", "input", self.types["input"],
                              self.integer(element.lo, element.hi + 2), self.chance(0.5)))

    def chance(self, p: float) -> bool:
        return self.choices.chance(p)

    def integer(self, low: int, high: int) -> int:
        """A number below ``high``."""
        return self.choices.integer(low, high - 1)

    def integers(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Numbers below ``high``."""
        return self.choices.integers(low, high - 1, shape)

    def bits(self, *shape: int) -> np.ndarray:
        return self.choices.bits(shape)

    def shape(self) -> tuple[int, ...]:
        return tuple(self.integer(1, 7) for _ in range(self.integer(1, 4)))

    def element(self) -> Element:
        low = self.integer(-9, 6)
        return [Bits(), Bits(unipolar=True), Int(0, 255), Int(-128, 127), Int(0, 15),
                Int(low, low + self.integer(0, 9))][self.integer(0, 6)]

    def add(self, layer: Layer) -> None:
        layer.compute(*(np.full((1, *t.shape), t.element.lo) for t in layer.inputs))
        self.layers.append(layer)
        self.types[layer.name] = layer.out_type()

    def read(self, fits: Callable[[TensorType], bool]) -> tuple[str, TensorType] | None:
        names = [name for name, t in self.types.items() if fits(t) and t.size <= 4000]
        last = next(reversed(self.types))
        if last in names and self.chance(0.7):
            return last, self.types[last]
        return (name := names[self.integer(0, len(names))], self.types[name]) if names else None

    def window(self, type_: TensorType) -> Window:
        signal = len(type_.shape) == 2
        sizes = [(self.integer(1, 4), 1 if signal else self.integer(1, 4)) for _ in range(3)]
        pads = self.integers(0, 3, 4) * self.chance(0.6)
        if self.chance(0.3):
            pads[:] = pads[0]
        if signal:
            pads[1] = pads[3] = 0
        top, left, bottom, right = (int(p) for p in pads)
        return Window(sizes[0], sizes[1], (1, 1) if self.chance(0.5) else sizes[2],
                      (top, left, bottom, right))

    def product(self, type_: TensorType, outputs: int, columns: int,
                absent: bool) -> tuple[tuple, dict]:
        """Weights, coefficients, const, thresholds and unipolar; and scales and mask."""
        planes, element = type_.element.planes, type_.element
        few: dict = {}
        weights = self.bits(1, outputs, columns)
        plain, const = product_sum(weights[0], element)
        raw = self.chance(0.3)
        if self.chance(0.3):
            split = self.few_bits(outputs, columns)
            weights, (scales, plain, const) = split.bits, planes_sum(split, element)
            few = {"scales": scales, "mask": split.mask}
        elif isinstance(element, Bits) and not absent and not raw:
            plain, const = (1,), np.zeros(outputs, np.int64)
        if self.chance(0.2):
            plain = tuple(2 * int(c) for c in self.integers(1, 9, planes))
            const = self.integers(-99, 99, outputs)
        elif self.chance(0.2):
            const = const + self.integers(-5, 5, outputs)
        levels = 1 if self.chance(0.7) else self.integer(2, 5)
        scale = 1 << 40 if self.chance(0.1) else columns
        thresholds = np.sort(self.integers(-scale, scale + 2, outputs, levels), axis=1)
        fields = (weights, plain, const, None if raw else thresholds, self.chance(0.3))
        return fields, few

    def few_bits(self, outputs: int, columns: int) -> WeightPlanes:
        """Weights of several bits: integers that are split, or any planes."""
        if self.chance(0.5):
            high = self.integer(1, 9)
            values = self.integers(-high, high + self.integer(0, 2), outputs, columns)
            values[0, 0] = high
            return split_values(values)
        count = self.integer(1, 4)
        scales = (1, *(self.integer(1, 9) for _ in range(count - 1)))
        bits = self.bits(count, outputs, columns)
        return WeightPlanes(bits, self.bits(*bits.shape) if self.chance(0.7) else None, scales)

    def pad(self, type_: TensorType) -> np.ndarray:
        element = type_.element
        shape = (1, 1, 1) if self.chance(0.7) else tuple(self.integers(1, 4, 3))
        low, high = (0, 1) if element.lo <= 0 <= element.hi and self.chance(0.3) else (
            element.lo, element.hi + 1)
        return self.integers(low, high, *shape)


def _dense(make: Maker, name: str) -> Layer | None:
    source = make.read(lambda t: len(t.shape) == 1 and t.element.width < 24)
    if source is None:
        return None
    outputs = make.integer(1, 9)
    fields, few = make.product(source[1], outputs, source[1].size, False)
    return Dense(name, *source, *fields, **few)


def _conv(make: Maker, name: str) -> Layer | None:
    source = make.read(lambda t: len(t.shape) in (2, 3) and t.element.width < 24)
    if source is None:
        return None
    type_ = source[1]
    window, channels = make.window(type_), type_.channels
    groups = int(make.choices.pick([g for g in range(1, channels + 1) if channels % g == 0]))
    outputs = groups * make.integer(1, 4)
    absent = type_.element == Bits() and make.chance(0.4)
    if min(window.out_size(*type_.map[:2])) < 1:
        return None
    pad = np.zeros((1, 1, 1), np.int64) if absent else make.pad(type_)
    fields, few = make.product(type_, outputs, window.taps * channels // groups, absent)
    return Conv(name, *source, *fields, window, groups, pad, absent, **few)


def _transposed(make: Maker, name: str) -> Layer | None:
    def fits(type_: TensorType) -> bool:
        zero = type_.element.bipolar or type_.element.lo <= 0 <= type_.element.hi
        return len(type_.shape) in (2, 3) and type_.element.width < 24 and zero
    source = make.read(fits)
    if source is None:
        return None
    type_ = source[1]
    axes = [(make.integer(1, 5), make.integer(1, 4)) if k < len(type_.shape) - 1 else (1, 1)
            for k in range(2)]
    ends = [[make.integer(0, kernel) for kernel, _ in axes] for _ in range(2)]
    more = [make.integer(0, stride) for _, stride in axes]
    spread = Spread((axes[0][0], axes[1][0]), (axes[0][1], axes[1][1]),
                    (ends[0][0], ends[0][1], ends[1][0], ends[1][1]), (more[0], more[1]))
    if min(spread.out_size(*type_.map[:2])) < 1:
        return None
    columns = spread.taps * type_.channels
    fields, few = make.product(type_, make.integer(1, 4), columns, type_.element.bipolar)
    return ConvTranspose(name, *source, *fields, spread, **few)


def _pool(make: Maker, name: str) -> Layer | None:
    source = make.read(lambda t: len(t.shape) in (2, 3))
    if source is None:
        return None
    window, type_ = make.window(source[1]), source[1]
    if make.chance(0.2):
        window = Window(type_.map[:2], type_.map[:2])
    if min(window.out_size(*type_.map[:2])) < 1:
        return None
    if make.chance(0.4):
        return SumPool(name, *source, window)
    return MaxPool(name, *source, window, make.bits(type_.channels) * make.bits(1)[0])


def _shape(make: Maker, name: str) -> Layer | None:
    maps = make.read(lambda t: len(t.shape) in (2, 3))
    if maps is not None and make.chance(0.4):
        columns = make.integer(1, 3) if len(maps[1].shape) == 3 else 1
        return Upsample(name, *maps, (make.integer(1, 3), columns))
    source = make.read(lambda t: bool(t.shape))
    if source is None:
        return None
    if make.chance(0.5):
        return Flatten(name, *source)
    return Select(name, *source, make.integers(0, source[1].channels, make.integer(1, 22)))


def _join(make: Maker, name: str) -> Layer | None:
    source = make.read(lambda t: bool(t.shape))
    assert source is not None
    type_ = source[1]
    if make.chance(0.5):
        second = make.read(lambda t: t.shape[:-1] == type_.shape[:-1] and bool(t.shape)
                           and (t.element == type_.element or
                                (isinstance(t.element, Int) and isinstance(type_.element, Int))))
        return Concat(name, *source, *second) if second else None
    if type_.element == Bits():
        return None
    second = make.read(lambda t: t.shape == type_.shape and t.element != Bits())
    low = make.integer(-50, 50)
    limits = None if make.chance(0.5) else (low, low + make.integer(0, 90))
    return Add(name, *source, *second, limits) if second else None


def _point(make: Maker, name: str) -> Layer | None:
    if make.chance(0.4):
        source = make.read(lambda t: bool(t.shape) and t.element.width < 40)
        if source is None:
            return None
        c = source[1].channels
        high = 1 << make.integer(1, 20)
        return Affine(name, *source, make.integers(-high, high, c), make.integers(-high, high, c),
                      make.integer(0, 9) if make.chance(0.6) else 0)
    source = make.read(lambda t: bool(t.shape) and isinstance(t.element, Int))
    if source is None:
        return None
    element, c = source[1].element, source[1].channels
    if make.chance(0.3) and element.width < 40:
        low = make.integer(-50, 50)
        return PRelu(name, *source, make.integers(-9, 40, c), make.integers(-20, 20, c),
                     make.integers(-20, 20, c) * make.bits(1)[0], make.integer(0, 9),
                     None if make.chance(0.5) else (low, low + make.integer(0, 90)))
    if make.chance(0.3):
        return Binarize(name, *source, make.integer(element.lo, element.hi + 2), make.chance(0.5))
    levels = 1 if make.chance(0.6) else make.integer(2, 9)
    thresholds = np.sort(make.integers(element.lo, element.hi + 2, c, levels), axis=1)
    return Threshold(name, *source, thresholds, make.bits(c) * make.bits(1)[0], make.chance(0.3))


def _division(make: Maker) -> Division:
    first = make.integer(-9, 9)
    limits = None if make.chance(0.6) else (first, first + make.integer(0, 20))
    return Division(make.integer(1, 30), sorted(ROUNDINGS)[make.integer(0, len(ROUNDINGS))],
                    limits)


def _divided(make: Maker, name: str) -> Layer | None:
    """Division, average pool, or a product of two maps or of a map and a vector."""
    def fits(type_: TensorType) -> bool:
        return not type_.element.bipolar and type_.element.width < 24
    kind = make.integer(0, 3)
    if kind == 0:
        source = make.read(fits)
        return Divide(name, *source, _division(make)) if source else None
    if kind == 1:
        source = make.read(lambda t: len(t.shape) in (2, 3) and fits(t))
        window = make.window(source[1]) if source else None
        if source is None or window is None or min(window.out_size(*source[1].map[:2])) < 1:
            return None
        return AveragePool(name, *source, window, _division(make))
    source = make.read(lambda t: bool(t.shape) and fits(t))
    if source is None:
        return None
    type_ = source[1]
    second = make.read(lambda t: bool(t.shape) and fits(t) and (
        t.shape == type_.shape or (t.channels == type_.channels
                                   and t.channels in (t.size, type_.size))))
    return Multiply(name, *source, *second, _division(make)) if second else None


def _moved(make: Maker, name: str) -> Layer | None:
    """Pixels that are dropped, or exchanged for channels."""
    source = make.read(lambda t: len(t.shape) in (2, 3))
    if source is None:
        return None
    height, width, channels = source[1].map
    order = "crd" if make.chance(0.5) else "dcr"
    factors = (make.integer(1, 4), make.integer(1, 4) if len(source[1].shape) == 3 else 1)
    if make.chance(0.4):
        top, left = make.integer(0, height), make.integer(0, width)
        return Crop(name, *source, (top, left, make.integer(0, height - top),
                                    make.integer(0, width - left)))
    if not (height % factors[0] or width % factors[1]):
        return SpaceToDepth(name, *source, factors, order)
    if channels % (factors[0] * factors[1]) == 0:
        return DepthToSpace(name, *source, factors, order)
    return None


def _argmax(make: Maker, name: str) -> Layer | None:
    source = make.read(lambda t: bool(t.shape) and isinstance(t.element, Int))
    return ArgMax("label" if make.chance(0.5) and "label" not in make.types else name,
                  *source) if source else None


KINDS = (_dense, _conv, _conv, _transposed, _pool, _shape, _join, _point, _argmax, _divided,
         _moved)


def any_graph(seed: int, count: int) -> Graph:
    """Make the Graph of a seed (see ``make_any_graph``)."""
    return make_any_graph(SeededChoices(seed), count)


def make_any_graph(choices: Choices, count: int) -> Graph:
    """Make a Graph of at most ``count`` layers, and sometimes one for binarised pixels."""
    make = Maker(choices)
    for k in range(count):
        layer = KINDS[make.integer(0, len(KINDS))](make, f"layer{k}")
        if layer is not None:
            make.add(layer)
    if not any(layer.name != "pixels" for layer in make.layers):
        make.add(Flatten("flat", "input", make.types["input"]))
    names = [layer.name for layer in make.layers]
    if make.chance(0.5):
        read = {source for layer in make.layers for source in layer.sources}
        chosen = [name for name in names if name not in read]
    else:
        chosen = [names[make.integer(0, len(names))] for _ in range(make.integer(1, 4))]
    words = ["bits", "scores", "label", "a", "b", *(f"out{k}" for k in range(99))]
    outputs = tuple((words.pop(make.integer(0, 5)), name) for name in chosen)
    return Graph("any", make.types["input"], tuple(make.layers), outputs)
