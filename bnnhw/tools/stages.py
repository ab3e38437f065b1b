"""The protocol by which long calls announce their stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Stages"]


class Stages(Protocol):
    """Announces stages one after the other."""

    def __call__(self, title: str) -> Callable[[float], None]:
        """End the stage before and begin another; the result receives its fraction."""

    def fail(self, why: str) -> None:
        """Leave the current stage unfinished."""
