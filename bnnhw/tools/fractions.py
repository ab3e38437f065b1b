"""Reads the progress of Yosys and nextpnr from their logs, as a fraction."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from bnnhw.errors import FitError
from bnnhw.tools.too_large import check_utilisation

__all__ = ["PLACED", "nextpnr_fraction", "yosys_fraction"]

YOSYS_PASSES = 330
"""Number of headings in the log of a typical synthesis; it only scales the progress."""
STUCK = 300_000
"""Iterations without progress after which the router is stopped: a full UP5K did not converge in
two million iterations, with 4,729 of its arcs left all the time."""
MOST_OVERUSED = 16
"""Bit length of the number of overused wires at the start of routing."""
PLACED = 0.5
"""Share of placement in the progress of nextpnr."""
STUCK_ROUNDS = 150
"""The same limit for iterations of router2; an HX8K had four overused wires for a dozen of them."""
MANY = 1000
STUCK_ROUNDS_OF_MANY = 30
"""Limits while at least ``MANY`` wires are overused, when an iteration takes minutes."""

_HEADING = re.compile(r"^[\d.]+\. Executing ")
_ARCS = re.compile(r"Routing (\d+) arcs")
_REMAINING = re.compile(r"^Info:\s+(\d+) \|.*\|\s+(\d+)\|")
_OVERUSED = re.compile(r"iter=(\d+) wires=\d+ overused=(\d+)")
_OVERLAP = re.compile(r"overlap: \w+=([\d.]+)%")
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
        While reading: the design needs more cells than the part has, or the router makes no
        progress any more.
    """
    arcs, far = 0, 0.0
    min_left, since = 1 << 60, 0

    def stuck(now: int, left: int, patience: int) -> bool:
        nonlocal min_left, since
        if left < min_left:
            min_left, since = left, now
        return now - since > patience

    def line(text: str) -> None:
        nonlocal arcs, far
        check_utilisation(text)
        now = far
        if "Creating initial analytic placement" in text:
            now = 0.1
        elif found := _OVERLAP.search(text):
            now = PLACED * (1 - float(found[1]) / 100)  # the static placer spreads cells out
        elif "Running simulated annealing" in text:
            now = 0.35
        elif found := _REFINING.search(text):
            now = min(0.35 + int(found[1]) / 400, PLACED)
        elif found := _ARCS.search(text):
            arcs, now = int(found[1]), PLACED
        elif arcs and (found := _REMAINING.match(text)):
            iteration, left = int(found[1]), int(found[2])
            now = PLACED + (1 - PLACED) * (1 - min(left / arcs, 1))
            if stuck(iteration, left, STUCK):
                raise _never(f"{left:,} of {arcs:,} arcs are left")
        elif found := _OVERUSED.search(text):
            iteration, left = int(found[1]), int(found[2])
            # They halve in each round at first.
            now = PLACED + (1 - PLACED) * (1 - math.log2(left + 1) / MOST_OVERUSED)
            patience = STUCK_ROUNDS if left < MANY else STUCK_ROUNDS_OF_MANY
            if left and stuck(iteration, left, patience):
                raise _never(f"{left:,} wires are taken twice")
        elif "Program finished normally" in text:
            now = 1.0
        if now > far:
            far = now
            report(far)
    return line


def _never(left: str) -> FitError:
    return FitError(f"nextpnr cannot route it: {left}, and do not become fewer",
                    hint="try another `seed=`, or more cycles per frame (`ii=`)")
