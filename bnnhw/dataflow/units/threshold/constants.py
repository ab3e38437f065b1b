"""What threshold units compute: the thresholds of each channel, and the values that it reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.ir import Graph
from bnnhw.layers import Product, Threshold
from bnnhw.layers.levels import count_passed

__all__ = ["ComparingParams", "Reach", "ThresholdConstants", "threshold_layer"]


def threshold_layer(graph: Graph, layer: str | None) -> Threshold | Product:
    """Return the layer whose thresholds a unit compares with."""
    found = graph.layer(str(layer))
    assert isinstance(found, (Threshold, Product))
    return found


@dataclass(frozen=True, eq=False)
class ThresholdConstants:
    """The thresholds of each channel.

    Parameters
    ----------
    thresholds : int64 [channels, levels]
    falling : uint8 [channels]
        1 where the output is the number of thresholds that are *not* reached.
    """

    thresholds: np.ndarray
    falling: np.ndarray

    @classmethod
    def of(cls, layer: Threshold | Product) -> ThresholdConstants:
        """Read them from a threshold layer, or from a product of several levels."""
        if isinstance(layer, Threshold):
            return cls(layer.thresholds, layer.falling)
        assert layer.thresholds is not None
        return cls(layer.thresholds, np.zeros(layer.outputs, dtype=np.uint8))

    @property
    def levels(self) -> int:
        """Thresholds per channel."""
        return int(self.thresholds.shape[1])

    def count(self, values: np.ndarray) -> np.ndarray:
        """Compute the output of ``values`` ``[..., channels]``."""
        reached = count_passed(values, self.thresholds)
        return np.where(self.falling, self.levels - reached, reached)


@dataclass(frozen=True, eq=False)
class Reach:
    """The values that each channel can have at the input of a threshold unit.

    Parameters
    ----------
    low, high : int64 [channels]
        The lowest and the highest one.
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, layer: Threshold | Product) -> Reach:
        """Determine them from the input type, or from the weights of a product."""
        if isinstance(layer, Threshold):
            element, ones = layer.input.element, np.ones(layer.input.channels, dtype=np.int64)
            return cls(element.lo * ones, element.hi * ones)
        low, high = layer.const, layer.const + layer.top
        border = layer.border()
        if border is None:
            return cls(low, high)
        return cls(low + np.minimum(border.min(axis=0), 0),
                   high + np.maximum(border.max(axis=0), 0))


@dataclass(frozen=True)
class ComparingParams(PipelineParams[ThresholdConstants]):
    """A unit that compares elements with thresholds which it stores.

    Parameters
    ----------
    levels : int
        Thresholds per channel.
    compare_width : int
        Bits of a threshold in two's complement; wide enough for every element too.
    """

    levels: int
    compare_width: int

    def constants(self, graph: Graph, layer: str | None) -> ThresholdConstants:
        return ThresholdConstants.of(threshold_layer(graph, layer))

    def compute(self, *words: np.ndarray,
                constants: ThresholdConstants | None = None) -> np.ndarray:
        return self.o.to_words(self.require(constants).count(self.i.from_words(words[0])))
