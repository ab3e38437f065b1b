"""What the user fixes by hand, layer by layer; everything else is the solver's."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Hints", "LayerHint"]


@dataclass(frozen=True)
class LayerHint:
    """Folding and weight memory of one layer; None and ``auto`` leave it to the plan."""

    pe: int | None = None
    simd: int | None = None
    memory: str = "auto"


Hints = dict[str, LayerHint]
"""By layer name; a layer without a hint is planned freely."""
