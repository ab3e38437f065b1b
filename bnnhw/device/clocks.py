"""Clocks that designs are expected to reach on a part: an expectation, from builds that were timed.

``clocks.json`` holds what the builds of ``bench/boards.py`` reached on each part, streaming designs
with their host link and one seed of the placer. ``USUAL`` is far enough below the slowest of them
that a design that was never built is expected to reach it; ``FASTEST`` is what most designs reach.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from bnnhw.device import Device

__all__ = ["CLOCKS", "Expected", "expected_clock", "measured_clocks"]

CLOCKS = Path(__file__).with_name("clocks.json")

# By part: MHz that builds run at where nothing else is asked for, and MHz that most designs reach.
# Those of ECP5 hold for speed grade 6.
_EXPECTED = {
    "up5k": (18, 30), "hx8k": (48, 66), "ecp5-25": (50, 80), "ecp5-45": (50, 80),
    "ecp5-85": (50, 80), "gw1nr9": (27, 80), "gw2ar18": (27, 108),
}
_OF_FAMILY = {"ecp5": "ecp5-85", "ice40": "hx8k"}
"""The part that a family without a part stands for, which is also the one that was measured."""


@dataclass(frozen=True)
class Expected:
    """Clocks of a part.

    Attributes
    ----------
    usual_mhz : float
        What a build runs at.
    fastest_mhz : float
        What most designs reach.
    measured : tuple of float
        What timed builds reached, from the slowest to the fastest.
    on : str
        The part on which they were timed.
    """

    usual_mhz: float
    fastest_mhz: float
    measured: tuple[float, ...]
    on: str

    @property
    def evidence(self) -> str:
        """Where the expectation comes from, in words."""
        low, high = int(self.measured[0]), int(self.measured[-1])
        builds = f"{len(self.measured)} timed build{'s' if len(self.measured) > 1 else ''}"
        return f"{builds} for {self.on} reached " + (f"{low} MHz" if low == high
                                                     else f"{low} to {high} MHz")


@functools.cache
def measured_clocks() -> dict[str, tuple[float, ...]]:
    """What builds reached, by part."""
    data = json.loads(CLOCKS.read_text())
    return {part: tuple(sorted(builds.values())) for part, builds in data["fmax_mhz"].items()}


def expected_clock(device: Device) -> Expected | None:
    """The clocks that are expected on a part or family; None where nothing was timed."""
    part = _OF_FAMILY.get(device.name, device.name)
    if part not in _EXPECTED:
        return None
    on = part if part in measured_clocks() else _OF_FAMILY[device.family]
    usual, fastest = _EXPECTED[part]
    return Expected(usual, fastest, measured_clocks()[on], on)
