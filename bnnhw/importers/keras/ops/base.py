"""Defines the operation of a Keras model: a tensor computed from others."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.keras.nodes import Nodes

__all__ = ["Op", "Shape"]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Op(abc.ABC):
    """An operation with one result; each Keras layer consists of one or several.

    Parameters
    ----------
    name : str
        Of the tensor that it computes.
    sources : tuple of str
        Tensors that it reads.
    layer : str
        Name of the Keras layer.
    where : str
        The layer with its class, for messages.
    """

    name: str
    sources: tuple[str, ...]
    layer: str
    where: str

    @abc.abstractmethod
    def out_shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the result without the batch, and check the shapes of the sources.

        Raises
        ------
        ModelError
            The operation does not fit these shapes.
        """

    @abc.abstractmethod
    def compute(self, *x: np.ndarray) -> np.ndarray:
        """Compute a batch in float32, in the framework's order of operations."""

    @abc.abstractmethod
    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        """Add the ONNX nodes whose last one computes the tensor ``name``."""

    def error(self, message: str, hint: str | None = None) -> ModelError:
        return ModelError(message, where=self.where, hint=hint)
