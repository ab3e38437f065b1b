"""Random stalls, and how long a healthy core can be silent under them."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.errors import ConfigError
from bnnhw.plan import Plan

__all__ = ["Stalls", "patience"]


@dataclass(frozen=True)
class Stalls:
    """Random stalls: chances under 1 for each cycle, and the seed that repeats them."""

    input: float = 0.0
    output: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} stall chance {getattr(self, name)} must be 0 or more "
                                  "and under 1")


def patience(plan: Plan, stalls: Stalls) -> int:
    """Cycles without any transfer after which a core counts as locked up.

    A healthy core is never silent for longer than a frame takes from end to end.
    """
    moving = (1 - stalls.input) * (1 - stalls.output)
    return int(4 * (plan.ii + plan.latency) / moving) + 1000
