"""Checks whether a plan meets its goal, and finds a goal that the network can meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from bnnhw.dataflow.folding import TooFastError
from bnnhw.errors import PlanError, TimingError
from bnnhw.plan.goal import Goal

__all__ = ["TimedPlan", "advise", "check_goal", "plan_goal", "settle"]

TRIES = 40
"""Maximum number of targets that are tried until one is met; each is larger than the last."""


class TimedPlan(Protocol):
    """The attributes of a plan that are compared with a goal, whatever its architecture."""

    @property
    def name(self) -> str: ...

    @property
    def target_cycles(self) -> int: ...

    @property
    def ii(self) -> int: ...


P = TypeVar("P", bound=TimedPlan)


def settle(planner: Callable[[int], P], cycles: int,
           fits: Callable[[P], bool] = lambda plan: True) -> P | None:
    """Find a target whose plan meets it, and return this plan.

    A plan can take more cycles than its target. The returned plan takes at most its target, so
    planning for ``plan.target_cycles`` again gives the same plan.

    Parameters
    ----------
    planner : callable
    cycles : int
        First target to try, in cycles per frame.
    fits : callable
        Whether a plan is small enough.

    Returns
    -------
    Plan or None
        None where no target was found.
    """
    for _ in range(TRIES):
        try:
            plan = planner(cycles)
        except TooFastError as error:
            cycles = max(error.least, cycles + 1)
            continue
        except PlanError:
            break
        if plan.ii <= cycles and fits(plan):
            return plan
        # A plan that meets its target but is too large gets a quarter more cycles.
        cycles = plan.ii if plan.ii > cycles else cycles + max(1, cycles // 4)
    return None


def plan_goal(planner: Callable[[Goal], P], goal: Goal,
              fits: Callable[[P], bool] = lambda plan: True) -> P:
    """Plan for a goal; where no plan can meet it, the error suggests a target that can be met.

    Parameters
    ----------
    planner : callable
    goal : Goal
    fits : callable
        Whether the suggested plan is small enough.

    Raises
    ------
    PlanError
        A layer cannot meet the target.
    """
    try:
        return planner(goal)
    except TooFastError as error:
        raise PlanError(error.message, where=error.where,
                        hint=_advice(planner, goal, error.least, fits)) from None


def check_goal(plan: P, goal: Goal, planner: Callable[[Goal], P],
               fits: Callable[[P], bool] = lambda plan: True) -> None:
    """Raise an error where a plan is slower than the user's goal.

    Parameters
    ----------
    plan : Plan
        Made for ``goal``.
    goal : Goal
    planner : callable
        Makes the suggested plan.
    fits : callable
        Whether the suggested plan is small enough.

    Raises
    ------
    TimingError
        The plan takes more cycles per frame than its target.
    """
    if (goal.target_cycles is None and goal.fps is None) or plan.ii <= plan.target_cycles:
        return
    rate = ""
    if goal.fps is not None and goal.clock_mhz is not None:
        rate = f" ({goal.clock_mhz * 1e6 / plan.ii:,.0f} instead of {goal.fps:,.0f} frames/s at " \
               f"{goal.clock_mhz:g} MHz)"
    raise TimingError(f"the goal is missed: {plan.ii} cycles per frame instead of at most "
                      f"{plan.target_cycles}{rate}", where=plan.name,
                      hint=_advice(planner, goal, plan.ii, fits))


def _advice(planner: Callable[[Goal], P], goal: Goal, cycles: int,
            fits: Callable[[P], bool]) -> str:
    """Describe a target of at least ``cycles`` per frame that can be met."""
    return advise(settle(lambda target: planner(replace(goal, target_cycles=target, fps=None)),
                         cycles, fits), goal.clock_mhz)


def advise(reached: TimedPlan | None, clock_mhz: float | None) -> str:
    """Describe the option that selects a plan which meets its target."""
    if reached is None:
        return "no number of cycles was found that is reached and fits"
    rate = f" ({clock_mhz * 1e6 / reached.ii:,.0f} frames/s at {clock_mhz:g} MHz)" \
        if clock_mhz else ""
    return f"use `ii={reached.target_cycles}`, which is reached{rate}"
