"""Predicts the clock of a design on a part from timed builds of other designs.

Each family's ``clocks.json`` has the fmax in MHz that the builds of ``bench/boards.py`` reached on
each part: streaming designs with their host link, one placer seed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ExpectedClock", "read_clocks"]


@dataclass(frozen=True)
class ExpectedClock:
    """Clocks that a design which was never built is expected to reach on a part.

    Attributes
    ----------
    usual_mhz : float
        Default clock of builds; far enough below the slowest timed build to be met.
    fastest_mhz : float
        Clock that most designs reach.
    measured_mhz : tuple of float
        fmax of timed builds, in ascending order.
    measured_on : str
        Device of the timed builds.
    """

    usual_mhz: float
    fastest_mhz: float
    measured_mhz: tuple[float, ...]
    measured_on: str

    @property
    def evidence(self) -> str:
        """The timed builds in words, for tables and messages."""
        low, high = int(self.measured_mhz[0]), int(self.measured_mhz[-1])
        builds = f"{len(self.measured_mhz)} timed build{'s' * (len(self.measured_mhz) > 1)}"
        return f"{builds} for {self.measured_on} reached " + (
            f"{low} MHz" if low == high else f"{low} to {high} MHz")


def read_clocks(folder: Path) -> dict[str, tuple[float, ...]]:
    """fmax in MHz of the timed builds in a family's ``clocks.json``, ascending, by device."""
    data = json.loads((folder / "clocks.json").read_text())
    return {device: tuple(sorted(builds.values())) for device, builds in data.items()}
