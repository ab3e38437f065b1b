"""What every layer offers: a name, an input and an output type, and its arithmetic."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.ir.types import TensorType

__all__ = ["Layer"]


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

    @abc.abstractmethod
    def out_type(self) -> TensorType:
        """Type of the output; follows from the input and the parameters alone."""

    @abc.abstractmethod
    def compute(self, x: np.ndarray) -> np.ndarray:
        """Compute the output of ``x`` ``[n, *input.shape]`` int64 -> ``[n, *out.shape]`` int64."""

    def params(self) -> dict[str, Any]:
        """Scalar parameters, as JSON values."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Array parameters, as they are handed to the constructor."""
        return {}

    def refuse(self, message: str, hint: str | None = None) -> ModelError:
        """Make the error that names this layer."""
        return ModelError(message, where=f"layer '{self.name}' ({self.kind})", hint=hint)
