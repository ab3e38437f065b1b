"""What the user asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnhw.errors import PlanError

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """What the user asks for: cycles a frame, or frames a second at a clock.

    ``cuts`` are registers on each path through a block of unrolled logic; ``core`` is the size of
    a core that runs jobs, such as ``ni=16,no=16``.
    """

    ii: int | None = None
    fps: float | None = None
    clock_mhz: float | None = None
    cuts: int | None = None
    core: str | None = None

    ASSUMED_MHZ: ClassVar[float] = 100.0
    """Clock where none is given: for frames a second, and for registers in unrolled logic."""

    DEFAULT_II: ClassVar[int] = 256
    """Taken for vectors where nothing is asked for: small, and fast enough to simulate 10,000
    frames."""

    def target(self, pixels: int = 1) -> int:
        """Cycles that a frame may take; ``pixels`` of the largest map set the default."""
        if self.ii is not None and self.fps is not None:
            raise PlanError("both --ii and --fps are given", hint="give one of them")
        if self.ii is not None:
            if self.ii < 1:
                raise PlanError(f"--ii {self.ii} must be at least 1 cycle a frame")
            return self.ii
        if self.fps is None:
            if self.clock_mhz is not None:
                raise PlanError("--clock says nothing without --fps", hint="add --fps N")
            return self.DEFAULT_II if pixels == 1 else max(self.DEFAULT_II, 36 * pixels)
        if self.clock_mhz is None:
            raise PlanError("--fps needs the clock", hint="add --clock MHZ")
        if not (0 < self.fps < 1e15 and 0 < self.clock_mhz < 1e6):
            raise PlanError(f"--fps {self.fps:g} and --clock {self.clock_mhz:g} must be positive "
                            "and possible")
        cycles = int(min(self.clock_mhz * 1e6 / self.fps, 1e15))
        if cycles < 1:
            raise PlanError(f"{self.fps:g} frames/s at {self.clock_mhz:g} MHz is less than one "
                            "cycle a frame", hint=f"at most {self.clock_mhz * 1e6:g} frames/s")
        return cycles
