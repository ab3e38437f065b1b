"""What every layer offers: a name, its inputs and its output type, and its arithmetic."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.ir.types import TensorType

__all__ = ["LAYERS", "Join", "Layer", "register"]


@dataclass(frozen=True, eq=False)
class Layer(abc.ABC):
    """A node of the Graph: integers in, integers out.

    Parameters
    ----------
    name : str
        Unique in its Graph.
    source : str
        Name of the layer whose output this one reads, or ``"input"``.
    input : TensorType
        Type of what it reads.
    """

    name: str
    source: str
    input: TensorType

    kind: ClassVar[str]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all that it reads, in order."""
        return (self.source,)

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        return (self.input,)

    @abc.abstractmethod
    def out_type(self) -> TensorType:
        """Type of the output; follows from the input and the parameters alone."""

    @abc.abstractmethod
    def compute(self, *x: np.ndarray) -> np.ndarray:
        """Compute the output of ``x`` ``[n, *input.shape]`` int64 -> ``[n, *out.shape]`` int64."""

    def params(self) -> dict[str, Any]:
        """Scalar parameters, as JSON values."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Array parameters, as they are handed to the constructor."""
        return {}

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        """Make constructor arguments of what ``params`` gave, after its way through JSON."""
        return params

    def refuse(self, message: str, hint: str | None = None) -> ModelError:
        """Make the error that names this layer."""
        return ModelError(message, where=f"layer '{self.name}' ({self.kind})", hint=hint)


@dataclass(frozen=True, eq=False)
class Join(Layer):
    """A layer with two inputs.

    Parameters
    ----------
    second : str
        Name of the layer that gives the second input, or ``"input"``.
    second_input : TensorType
    """

    second: str
    second_input: TensorType

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, self.second)

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        return (self.input, self.second_input)

    def params(self) -> dict[str, Any]:
        return {"second": self.second}


LAYERS: dict[str, type[Layer]] = {}
"""Registered layer kinds by name; importing ``bnnhw.layers`` registers those of bnnhw."""

AnyLayer = TypeVar("AnyLayer", bound=type[Layer])


def register(layer: AnyLayer) -> AnyLayer:
    """Register a layer kind, so that networks can be loaded, saved and built with it."""
    if LAYERS.setdefault(layer.kind, layer) is not layer:
        raise ValueError(f"layer kind '{layer.kind}' is registered already, as "
                         f"{LAYERS[layer.kind].__name__}")
    return layer
