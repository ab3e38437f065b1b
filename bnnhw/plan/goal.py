"""The performance goal of a design: cycles per frame, or frames per second at a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnhw.errors import PlanError

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """The user's targets for one design; None leaves a value to the planner.

    Parameters
    ----------
    target_cycles : int or None
        Largest number of clock cycles per frame.
    fps : float or None
        Frames per second; needs ``clock_mhz``, and excludes ``target_cycles``.
    clock_mhz : float or None
        Clock frequency in MHz.

    Raises
    ------
    PlanError
        The clock is not positive, or 1,000,000 MHz and more.
    """

    target_cycles: int | None = None
    fps: float | None = None
    clock_mhz: float | None = None

    ASSUMED_MHZ: ClassVar[float] = 100.0
    """Clock that is assumed where none is given: for frames per second, and for the number of
    registers in unrolled logic."""

    DEFAULT_II: ClassVar[int] = 256
    """Default cycles per frame of networks without maps: small hardware, and fast enough to
    simulate 10,000 frames."""

    def __post_init__(self) -> None:
        if self.clock_mhz is not None and not 0 < self.clock_mhz < 1e6:
            raise PlanError(f"`clock_mhz={self.clock_mhz:g}` must be positive and possible",
                            hint="give the frequency in MHz")

    def cycles_per_frame(self, pixels: int = 1) -> int:
        """Number of cycles that a frame may take.

        Parameters
        ----------
        pixels : int
            Pixels of the largest map; they set the default where the goal is empty.

        Raises
        ------
        PlanError
            The goal contradicts itself, or is less than one cycle per frame.
        """
        if self.target_cycles is not None and self.fps is not None:
            raise PlanError("both `ii=` and `fps=` are given", hint="give one of them")
        if self.target_cycles is not None:
            if self.target_cycles < 1:
                raise PlanError(f"`ii={self.target_cycles}` must be at least 1 cycle per frame")
            return self.target_cycles
        if self.fps is None:
            if self.clock_mhz is not None:
                raise PlanError("`clock_mhz=` has no effect without `fps=`", hint="add `fps=N`")
            return self.DEFAULT_II if pixels == 1 else max(self.DEFAULT_II, 36 * pixels)
        if self.clock_mhz is None:
            raise PlanError("`fps=` needs the clock", hint="add `clock_mhz=MHZ`")
        if not 0 < self.fps < 1e15:
            raise PlanError(f"`fps={self.fps:g}` must be positive and possible")
        cycles = int(min(self.clock_mhz * 1e6 / self.fps, 1e15))
        if cycles < 1:
            raise PlanError(f"{self.fps:g} frames/s at {self.clock_mhz:g} MHz is less than one "
                            "cycle per frame", hint=f"at most {self.clock_mhz * 1e6:g} frames/s")
        return cycles
