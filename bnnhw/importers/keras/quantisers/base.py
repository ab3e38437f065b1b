"""Defines elementwise functions and quantisers, each in numpy and as ONNX nodes."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.keras.nodes import Nodes

__all__ = ["Elementwise", "Kernel", "Quantiser"]


@dataclass(frozen=True)
class Kernel:
    """Weights after their quantiser.

    Attributes
    ----------
    seen : float32 array
        What the framework multiplies with: its expression in its order of operations.
    exact : float32 array
        Levels times a scale for each output channel, without the rounding of a straight-through
        expression ``w + (q - w)``.
    """

    seen: np.ndarray
    exact: np.ndarray

    @property
    def rounding(self) -> float:
        """Largest difference of both, relative to the largest weight."""
        largest = float(np.abs(self.exact).max(initial=0.0))
        return float(np.abs(self.seen - self.exact).max(initial=0.0)) / (largest or 1.0)


class Elementwise(abc.ABC):
    """A function of each element.

    Attributes
    ----------
    rounding : float
        Largest difference of the framework's result from the exact one, relative to the largest
        result; 0 where the framework is exact.
    input_rounding : float
        What is added to that difference, relative to the largest input.
    """

    rounding = 0.0
    input_rounding = 0.0

    @abc.abstractmethod
    def compute(self, x: np.ndarray) -> np.ndarray:
        """Compute the function in float32, in the framework's order of operations."""

    @abc.abstractmethod
    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        """Add the nodes of the function, without a straight-through expression."""


class Quantiser(Elementwise):
    """A quantiser of activations, of weights, or of both."""

    name: str

    @abc.abstractmethod
    def kernel(self, w: np.ndarray) -> Kernel:
        """Quantise weights, float32; the last axis is the output channel."""

    def for_kernels(self) -> Quantiser:
        """Return the quantiser as a layer uses it for its weights."""
        return self

    def error(self, message: str, hint: str | None = None) -> ModelError:
        return ModelError(f"quantiser '{self.name}' {message}", hint=hint)
