"""What a layer is built from, in addition to its item and its arrays: its name and its inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bnnhw.errors import ConfigError
from bnnhw.ir.types import MAX_ELEMENTS, TensorType

__all__ = ["LayerContext"]


@dataclass(frozen=True)
class LayerContext:
    """A layer's name and what it reads; ``second`` is the other input of a join."""

    name: str
    source: str
    type: TensorType
    second: str = ""
    second_type: TensorType | None = None

    def refuse(self, message: str, hint: str | None = None) -> ConfigError:
        """Make the error that names this layer."""
        return ConfigError(message, where=f"layer '{self.name}'", hint=hint)

    def limit(self, what: str, *sizes: int) -> None:
        """Refuse arrays and tensors that are larger than bnnhw takes, before they are made."""
        if math.prod(sizes) > MAX_ELEMENTS:
            raise self.refuse(f"{' x '.join(map(str, sizes))} {what}, at most {MAX_ELEMENTS} are "
                              "taken")
