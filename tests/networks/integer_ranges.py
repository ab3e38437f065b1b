"""Networks of integers of one to eight bits for tests, whose ranges may begin anywhere."""

from __future__ import annotations

import numpy as np

from bnnhw.config.hints import Hints
from bnnhw.ir import Graph, Int, TensorType
from bnnhw.layers import Add, Affine, ArgMax, Concat, PRelu, Threshold
from tests.networks.choices import Choices
from tests.networks.maps import Maker

__all__ = ["RangeMaker", "make_integer_network"]

RANGES = ((-4, 3), (-1, 1), (3, 10), (0, 1), (0, 3), (-2, 1), (-8, 7), (0, 15), (-7, 0),
          (-128, 127), (100, 227), (5, 5))
"""Ranges of activations: with and without a sign, with zero points, and of a single number."""


class RangeMaker(Maker):
    """Adds layers that read and give integers."""

    def squeeze(self) -> None:
        """Scale the map into one of the ranges."""
        name, type_ = self.last
        channels = type_.channels
        self.layers.append(Affine(
            self._name("squeeze"), name, type_, self.choices.integers(-5, 5, channels),
            self.choices.integers(-20, 20, channels), self.integer(0, 4),
            RANGES[self.integer(0, len(RANGES) - 1)]))

    def prelu(self) -> None:
        """Slopes of all signs, with or without additions before and after."""
        name, type_ = self.last
        channels = type_.channels
        before, after = (self.choices.integers(-9, 9, channels) * self.integer(0, 1)
                         for _ in range(2))
        self.layers.append(PRelu(
            self._name("prelu"), name, type_, self.choices.integers(-3, 12, channels), before,
            after, self.integer(0, 4), None if self.chance(0.5) else (-20, 30)))

    def levels(self) -> None:
        """Thresholds of up to four bits: at equal distances, at any, or equal ones."""
        name, type_ = self.last
        levels, channels = self.integer(1, 15), type_.channels
        low, high = type_.element.lo, type_.element.hi
        if self.chance(0.5):
            step = self.choices.integers(1, max(1, (high - low) // levels), (channels, 1))
            begin = self.choices.integers(low, high, (channels, 1))
            thresholds = begin + step * np.arange(levels)
        else:
            thresholds = np.sort(self.choices.integers(low - 1, high + 1, (channels, levels)),
                                 axis=1)
        self.layers.append(Threshold(self._name("levels"), name, type_, thresholds,
                                     self.choices.bits(channels)))

    def shortcut(self) -> None:
        """``sat(r + ((m * S + c + half) >> s))``, the shortcut in fixed point."""
        name, type_ = self.last
        scaled = Affine(self._name("scaled"), name, type_,
                        self.choices.integers(-9, 9, type_.channels),
                        self.choices.integers(-40, 40, type_.channels), self.integer(0, 5))
        self.layers.append(scaled)
        self.layers.append(Add(self._name("add"), scaled.name, scaled.out_type(), name, type_,
                               RANGES[self.integer(0, len(RANGES) - 1)]))

    def join(self) -> None:
        """The map twice, before and after a layer."""
        name, type_ = self.last
        self.squeeze()
        self.layers.append(Concat(self._name("join"), *self.last, name, type_))


def make_integer_network(choices: Choices, steps: int = 4) -> tuple[Graph, Hints]:
    """Make a network on a small map of integers, and folds by hand for some of its layers.

    Parameters
    ----------
    choices : Choices
    steps : int
        Maximum number of additions to the network; each adds one or two layers.
    """
    shape = (choices.integer(2, 5), choices.integer(2, 5), choices.integer(1, 3))
    make = RangeMaker(choices, TensorType(shape, Int(*RANGES[choices.integer(
        0, len(RANGES) - 1)])))
    for _ in range(choices.integer(1, steps)):
        _grow(make)
    make.conv(make.integer(1, 4), sums=make.chance(0.5), levels=make.integer(1, 7))
    name, type_ = make.last
    outputs = [("map", name)]
    if isinstance(type_.element, Int) and make.chance(0.5):
        make.layers.append(ArgMax("label", name, type_))
        outputs = [*outputs * make.integer(0, 1), ("label", "label")]
    for layer in make.layers:
        if layer.kind == "conv" and make.chance(0.5):
            make.fold(layer)  # type: ignore[arg-type]
    return Graph("net", make.input, tuple(make.layers), tuple(outputs)), make.hints


def _grow(make: RangeMaker) -> None:
    additions = (make.squeeze, make.prelu, make.levels, make.shortcut, make.join, make.select,
                 make.max_pool, lambda: make.sum_pool(False), make.upsample,
                 lambda: make.conv(make.integer(1, 4), sums=make.chance(0.5),
                                   levels=make.integer(2, 7)))
    _, type_ = make.last
    chosen = additions[make.integer(0, len(additions) - 1)]
    if type_.size > 150 or not isinstance(type_.element, Int) or type_.element.width > 16:
        chosen = make.squeeze
    chosen()
