"""Division of integers by a constant, with the rounding modes of the frameworks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bnnhw.config.fields import Limits, Strict
from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Int
from bnnhw.json_types import Json
from bnnhw.layers.saturation import check_limits, parse_limits, saturate, saturated_range

__all__ = ["MAX_DIVISOR", "ROUNDINGS", "Division", "DivisionKeys", "Divisor", "Rounding"]

MAX_DIVISOR = 1 << 32

Divisor = Annotated[int, Field(ge=1, le=MAX_DIVISOR)]

Rounding = Literal["floor", "ceil", "zero", "away", "half_up", "half_down", "half_zero",
                   "half_away", "half_even"]

Biases = tuple[int, int]

ROUNDINGS: dict[str, Callable[[int], Biases]] = {
    "floor": lambda d: (0, 0),
    "ceil": lambda d: (d - 1, d - 1),
    "zero": lambda d: (d - 1, 0),
    "away": lambda d: (0, d - 1),
    "half_up": lambda d: (d // 2, d // 2),
    "half_down": lambda d: ((d - 1) // 2, (d - 1) // 2),
    "half_zero": lambda d: (d // 2, (d - 1) // 2),
    "half_away": lambda d: ((d - 1) // 2, d // 2),
    "half_even": lambda d: (d // 2, d // 2),
}
"""What each mode adds to a negative and to a non-negative number before it divides by d and rounds
down. The modes ``half_*`` give the nearest integer and differ in the middle between two integers
only; ``half_even`` also makes the result of such a tie even. ``up`` is towards plus infinity,
``away`` is away from zero."""


class DivisionKeys(Strict):
    """Keys of layers that divide their result: ``rounding`` and ``limits``."""

    rounding: Rounding = "floor"
    limits: Limits | None = None


@dataclass(frozen=True)
class Division:
    """``clip(round(x / divisor), lo, hi)`` on integers.

    Parameters
    ----------
    divisor : int
        Positive.
    rounding : str
        A key of ``ROUNDINGS``.
    limits : (int, int) or None
        Where the result saturates; None where it never does.
    """

    divisor: int
    rounding: str = "floor"
    limits: tuple[int, int] | None = None

    def check(self, layer: Layer, low: int, high: int) -> None:
        """Raise ``ModelError`` unless the division of integers ``low`` to ``high`` is exact."""
        if not 1 <= self.divisor <= MAX_DIVISOR:
            raise layer.error(f"divides by {self.divisor}, expected 1 to {MAX_DIVISOR}")
        if self.rounding not in ROUNDINGS:
            raise layer.error(f"has the rounding '{self.rounding}', expected one of "
                              f"{', '.join(ROUNDINGS)}")
        check_limits(layer, self.limits)
        if max(-low, high) + self.divisor >= 1 << 62:
            raise layer.error(f"divides numbers up to {max(-low, high)}, which do not fit 62 bits")

    @property
    def biases(self) -> Biases:
        """What is added to negative and to other numbers before they are divided."""
        return ROUNDINGS[self.rounding](self.divisor)

    @property
    def makes_ties_even(self) -> bool:
        """Whether there are ties, and the result of a tie is even."""
        return self.rounding == "half_even" and self.divisor % 2 == 0

    def compute(self, x: np.ndarray) -> np.ndarray:
        """Divide int64 numbers of any shape."""
        negative, other = self.biases
        biased = x + np.where(x < 0, negative, other)
        result = biased // self.divisor
        if self.makes_ties_even:
            result = result - ((result & 1) & (biased % self.divisor == 0))
        return saturate(result, self.limits)

    def range_of(self, low: int, high: int) -> Int:
        """Range of the results of ``low`` to ``high``: no mode reverses the order of numbers."""
        bare = Division(self.divisor, self.rounding)
        first, last = (int(bare.compute(np.array(end))) for end in (low, high))
        return saturated_range(first, last, self.limits)

    def to_json(self) -> dict[str, object]:
        """Parameters of a layer that divides."""
        return {"divisor": self.divisor, "rounding": self.rounding,
                "limits": self.limits and list(self.limits)}

    @staticmethod
    def parse(params: Json) -> dict[str, object]:
        """Convert ``params`` of a layer, with those of ``to_json``, to constructor arguments."""
        others = {k: v for k, v in params.items() if k not in ("divisor", "rounding", "limits")}
        return {**others, "division": Division(int(params["divisor"]), str(params["rounding"]),
                                               parse_limits(params))}

    def describe(self) -> dict[str, object]:
        """Keys of an item of layers.yaml, except the divisor."""
        keys: dict[str, object] = {}
        if self.rounding != "floor":
            keys["rounding"] = self.rounding
        if self.limits is not None:
            keys["limits"] = list(self.limits)
        return keys

    def words(self) -> str:
        """Say in a few words what the division does."""
        names = {"floor": "rounded down", "ceil": "rounded up", "zero": "rounded towards zero",
                 "away": "rounded away from zero", "half_up": "rounded half up",
                 "half_down": "rounded half down", "half_zero": "rounded half towards zero",
                 "half_away": "rounded half away from zero", "half_even": "rounded half to even"}
        limits = "" if self.limits is None else \
            f", saturating at {self.limits[0]}..{self.limits[1]}"
        divided = f"divided by {self.divisor}, {names[self.rounding]}" if self.divisor > 1 else \
            "not divided"
        return divided + limits
