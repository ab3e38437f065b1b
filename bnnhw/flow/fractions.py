"""How far a tool is, read off its log."""

from __future__ import annotations

import re
from collections.abc import Callable

from bnnhw.errors import FitError

__all__ = ["PLACED", "nextpnr_fraction", "yosys_fraction"]

YOSYS_PASSES = 330
"""Headings of a usual synthesis run; only the bar depends on it."""
STUCK = 300_000
"""Iterations of the router without fewer arcs left, after which it never ends: a full UP5K took two
million, with 4,729 of its arcs left all the time."""
PLACED = 0.5
"""Share of placement in a bar of nextpnr."""

_HEADING = re.compile(r"^[\d.]+\. Executing ")
_ARCS = re.compile(r"Routing (\d+) arcs")
_REMAINING = re.compile(r"^Info:\s+(\d+) \|.*\|\s+(\d+)\|")
_REFINING = re.compile(r"at iteration #(\d+)")


def yosys_fraction(report: Callable[[float], None]) -> Callable[[str], None]:
    """Make a reader of log lines that reports the fraction done."""
    seen = 0

    def line(text: str) -> None:
        nonlocal seen
        if _HEADING.match(text):
            seen += 1
            report(min(seen / YOSYS_PASSES, 0.99))
    return line


def nextpnr_fraction(report: Callable[[float], None]) -> Callable[[str], None]:
    """Make a reader of log lines that reports the fraction done.

    Raises
    ------
    FitError
        While reading: the router makes no headway any more.
    """
    arcs, far = 0, 0.0
    fewest, since = 1 << 60, 0

    def line(text: str) -> None:
        nonlocal arcs, far, fewest, since
        now = far
        if "Creating initial analytic placement" in text:
            now = 0.1
        elif "Running simulated annealing" in text:
            now = 0.35
        elif found := _REFINING.search(text):
            now = min(0.35 + int(found[1]) / 400, PLACED)
        elif found := _ARCS.search(text):
            arcs, now = int(found[1]), PLACED
        elif arcs and (found := _REMAINING.match(text)):
            iteration, left = int(found[1]), int(found[2])
            now = PLACED + (1 - PLACED) * (1 - min(left / arcs, 1))
            if left < fewest:
                fewest, since = left, iteration
            elif iteration - since > STUCK:
                raise FitError(f"nextpnr cannot route it: {left:,} of {arcs:,} arcs are left, and "
                               "do not become fewer",
                               hint="another --seed, or more cycles a frame (--ii)")
        elif "Program finished normally" in text:
            now = 1.0
        if now > far:
            far = now
            report(far)
    return line
