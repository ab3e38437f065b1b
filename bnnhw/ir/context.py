"""The context in which a layer is built: its name, and the types of its inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bnnhw.errors import ConfigError
from bnnhw.ir.types import MAX_ELEMENTS, TensorType

__all__ = ["LayerContext"]


@dataclass(frozen=True)
class LayerContext:
    """The name of a layer that is being built, and the tensors that it reads.

    Parameters
    ----------
    name : str
        Unique in the network; the prefix of its arrays in the weight file.
    source : str
        Name of the layer whose output it reads, or ``"input"``.
    type : TensorType
        Type of that output.
    second : str
        Name of the other source of a layer with two inputs, else empty.
    second_type : TensorType or None
        Type of the other source's output.
    """

    name: str
    source: str
    type: TensorType
    second: str = ""
    second_type: TensorType | None = None

    def error(self, message: str, hint: str | None = None) -> ConfigError:
        """Make the error that names this layer."""
        return ConfigError(message, where=f"layer '{self.name}'", hint=hint)

    def check_size(self, what: str, *sizes: int) -> None:
        """Raise ``ConfigError`` for a tensor of too many elements, before it is allocated."""
        if math.prod(sizes) > MAX_ELEMENTS:
            raise self.error(f"{' x '.join(map(str, sizes))} {what} exceed the limit of "
                             f"{MAX_ELEMENTS}")
