"""Cost coefficients of a family: LUTs and flip-flops per counted feature of a hardware unit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CostModel"]

Coefficients = Mapping[str, float]


@dataclass(frozen=True)
class CostModel:
    """Linear cost models that ``bench/costs.py`` fitted to synthesis results of a family.

    Parameters
    ----------
    kinds : mapping
        By kind of unit: ``lut`` and ``ff``, each a coefficient per feature (lanes, accumulator
        bits, …).
    lut_error : float
        90th percentile of the relative LUT error over designs that were left out of the fit.
    """

    kinds: Mapping[str, Mapping[str, Coefficients]]
    lut_error: float

    @classmethod
    def read(cls, path: Path) -> CostModel:
        """Read a family's ``costs.json``."""
        data = json.loads(path.read_text())
        return cls(data["kinds"], float(data["lut_error"]))
