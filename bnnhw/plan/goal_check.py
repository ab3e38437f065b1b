"""Whether a plan reaches its goal, and which goal the network does reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnhw.dataflow.folding import TooFastError
from bnnhw.errors import PlanError, TimingError
from bnnhw.plan.goal import Goal
from bnnhw.plan.model import Plan

__all__ = ["advise", "check_goal", "plan_goal", "settle"]

TRIES = 40
"""Numbers of cycles that are tried until one is reached; each is larger than the one before."""

Fits = Callable[[Plan], bool]


def settle(planner: Callable[[int], Plan], cycles: int,
           fits: Fits = lambda plan: True) -> Plan | None:
    """Find a number of cycles that is reached when it is asked for, and plan for it.

    A plan can take more cycles than its target. What this returns takes at most its target, so
    that whoever asks for ``plan.target_cycles`` cycles gets this very plan.

    Parameters
    ----------
    planner : callable
    cycles : int
        The first number that is tried.
    fits : callable
        Whether a plan is small enough.

    Returns
    -------
    Plan or None
        None where none was found.
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
        # One that is reached but too large gets a quarter more cycles.
        cycles = plan.ii if plan.ii > cycles else cycles + max(1, cycles // 4)
    return None


def plan_goal(planner: Callable[[Goal], Plan], goal: Goal,
              fits: Fits = lambda plan: True) -> Plan:
    """Plan for a goal; where it is out of reach, the error names cycles that are reached.

    Parameters
    ----------
    planner : callable
    goal : Goal
    fits : callable
        Whether the plan that is advised is small enough.

    Raises
    ------
    PlanError
        A layer cannot be that fast.
    """
    try:
        return planner(goal)
    except TooFastError as error:
        reached = settle(lambda cycles: planner(replace(goal, target_cycles=cycles, fps=None)),
                         error.least,
                         fits)
        raise PlanError(error.message, where=error.where,
                        hint=advise(reached, goal.clock_mhz)) from None


def check_goal(plan: Plan, goal: Goal, planner: Callable[[Goal], Plan],
               fits: Fits = lambda plan: True) -> None:
    """Refuse a plan that is slower than what the user asked for.

    Parameters
    ----------
    plan : Plan
        Made for ``goal``.
    goal : Goal
    planner : callable
        Makes the plan that is advised.
    fits : callable
        Whether that is small enough.

    Raises
    ------
    TimingError
        It takes more cycles a frame than its target.
    """
    if (goal.target_cycles is None and goal.fps is None) or plan.ii <= plan.target_cycles:
        return
    rate = ""
    if goal.fps is not None and goal.clock_mhz is not None:
        rate = f" ({goal.clock_mhz * 1e6 / plan.ii:,.0f} instead of {goal.fps:,.0f} frames/s at " \
               f"{goal.clock_mhz:g} MHz)"
    reached = settle(lambda cycles: planner(replace(goal, target_cycles=cycles, fps=None)),
                     plan.ii, fits)
    raise TimingError(f"the goal is missed: {plan.ii} cycles a frame instead of at most "
                      f"{plan.target_cycles}{rate}", where=plan.name,
                      hint=advise(reached, goal.clock_mhz))


def advise(reached: Plan | None, clock_mhz: float | None) -> str:
    """The option that gives a plan that was found to be reached, in words."""
    if reached is None:
        return "no number of cycles was found that is reached and fits"
    rate = f" ({clock_mhz * 1e6 / reached.ii:,.0f} frames/s at {clock_mhz:g} MHz)" \
        if clock_mhz else ""
    return f"use `ii={reached.target_cycles}`, which is reached{rate}"
