"""Builds a board plan, and plans again with less area if the design turns out too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bnnhw.board_planning.board_plan import BoardPlan, plan_smaller
from bnnhw.errors import FitError

__all__ = ["BUILDS", "build_smaller"]

BUILDS = 4
"""Largest number of builds of one request."""

Built = TypeVar("Built")


def build_smaller(first: BoardPlan, build: Callable[[BoardPlan], Built],
                  on_too_large: Callable[[int], None] = lambda attempt: None
                  ) -> tuple[BoardPlan, Built]:
    """Build a plan for a board; without a goal, build smaller plans until one fits.

    Parameters
    ----------
    first : BoardPlan
    build : callable
        Builds a plan; raises FitError where place and route finds that it does not fit.
    on_too_large : callable
        Receives the number of failed builds before the next plan is made.

    Returns
    -------
    tuple
        The plan that fits, and what ``build`` returned for it.

    Raises
    ------
    FitError
        The plan for a goal does not fit, or the smallest plan does not, or ``BUILDS`` plans.
    """
    plan = first
    for attempt in range(1, BUILDS + 1):
        try:
            return plan, build(plan)
        except FitError as error:
            if plan.request.goal is not None or attempt == BUILDS:
                raise
            on_too_large(attempt)
            plan = plan_smaller(plan, error)
    raise AssertionError("the last build raises or returns")
