"""Choices of a plan that the user fixes per layer: folding and weight memory."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Hints", "LayerHint"]


@dataclass(frozen=True)
class LayerHint:
    """Folding and weight memory of one layer.

    Parameters
    ----------
    pe, simd : int or None
        Rows and columns of the weights that one cycle computes; None lets the planner choose.
    memory : str
        ``block``, ``lut``, ``constant`` or ``spram``; ``auto`` lets the planner choose.
    """

    pe: int | None = None
    simd: int | None = None
    memory: str = "auto"


Hints = dict[str, LayerHint]
"""Hints by layer name; the planner chooses everything for layers without one."""
