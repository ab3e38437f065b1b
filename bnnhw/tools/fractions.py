"""Estimates the progress of Yosys and nextpnr from their logs, and stops a router that is stuck."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from bnnhw.tools.too_large import UnroutableError, check_utilisation

__all__ = ["PLACED_FRACTION", "nextpnr_fraction", "yosys_fraction"]

YOSYS_PASSES = 330
"""Number of headings in the log of a typical synthesis run; only the progress bar depends on it."""
PLACED_FRACTION = 0.5
"""Fraction of a progress bar of nextpnr at which placement ends."""
STUCK_ITERATIONS = 300_000
"""Iterations of router 1 without progress after which it is considered stuck. A full UP5K ran two
million iterations with 4,729 unrouted arcs throughout."""
STUCK_ROUNDS = 150
"""Rounds of router 2 without progress after which it is considered stuck. An HX8K needed a dozen
rounds to route its last four overused wires."""
MANY_OVERUSED = 1000
STUCK_ROUNDS_OF_MANY = 30
"""Limit in place of ``STUCK_ROUNDS`` from ``MANY_OVERUSED`` overused wires on, where a round takes
minutes."""
OVERUSED_BITS = 16
"""Typical width in bits of the number of overused wires in the first round."""

_HEADING = re.compile(r"^[\d.]+\. Executing ")
_ARCS = re.compile(r"Routing (\d+) arcs")
_REMAINING = re.compile(r"^Info:\s+(\d+) \|.*\|\s+(\d+)\|")
_OVERUSED = re.compile(r"iter=(\d+) wires=\d+ overused=(\d+)")
_OVERLAP = re.compile(r"overlap: \w+=([\d.]+)%")
_REFINING = re.compile(r"at iteration #(\d+)")


def yosys_fraction(report: Callable[[float], None]) -> Callable[[str], None]:
    """Return a function that reads log lines of Yosys and reports the completed fraction."""
    seen = 0

    def line(text: str) -> None:
        nonlocal seen
        if _HEADING.match(text):
            seen += 1
            report(min(seen / YOSYS_PASSES, 0.99))
    return line


def nextpnr_fraction(report: Callable[[float], None]) -> Callable[[str], None]:
    """Return a function that reads log lines of nextpnr and reports the completed fraction.

    Raises
    ------
    FitError
        The returned function raises it if the design needs more cells than the part has.
    UnroutableError
        The returned function raises it if the router no longer makes progress.
    """
    arcs, reported = 0, 0.0
    min_left, improved_at = 1 << 60, 0

    def stuck(now: int, left: int, patience: int) -> bool:
        nonlocal min_left, improved_at
        if left < min_left:
            min_left, improved_at = left, now
        return now - improved_at > patience

    def line(text: str) -> None:
        nonlocal arcs, reported
        check_utilisation(text)
        now = reported
        if "Creating initial analytic placement" in text:
            now = 0.1
        elif found := _OVERLAP.search(text):
            # The static placer reduces the overlap of the cells.
            now = PLACED_FRACTION * (1 - float(found[1]) / 100)
        elif "Running simulated annealing" in text:
            now = 0.35
        elif found := _REFINING.search(text):
            now = min(0.35 + int(found[1]) / 400, PLACED_FRACTION)
        elif found := _ARCS.search(text):
            arcs, now = int(found[1]), PLACED_FRACTION
        elif arcs and (found := _REMAINING.match(text)):
            iteration, left = int(found[1]), int(found[2])
            now = PLACED_FRACTION + (1 - PLACED_FRACTION) * (1 - min(left / arcs, 1))
            if stuck(iteration, left, STUCK_ITERATIONS):
                raise _routing_error(f"{left:,} of {arcs:,} arcs are unrouted")
        elif found := _OVERUSED.search(text):
            iteration, left = int(found[1]), int(found[2])
            # At first, each round halves the number of overused wires.
            now = 1 - (1 - PLACED_FRACTION) * math.log2(left + 1) / OVERUSED_BITS
            patience = STUCK_ROUNDS if left < MANY_OVERUSED else STUCK_ROUNDS_OF_MANY
            if left and stuck(iteration, left, patience):
                raise _routing_error(f"{left:,} wires are overused")
        elif "Program finished normally" in text:
            now = 1.0
        if now > reported:
            reported = now
            report(reported)
    return line


def _routing_error(left: str) -> UnroutableError:
    return UnroutableError(
        f"nextpnr cannot route the design: {left}, and their number no longer falls",
        hint="try another `seed=`, or more cycles per frame (`ii=`)")
