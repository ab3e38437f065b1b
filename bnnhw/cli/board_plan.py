"""Planning for a board: beside its host link, and at a clock that meets the goal."""

from __future__ import annotations

import itertools
import math

from bnnhw.arch import get_arch
from bnnhw.cli.plan import planner_of
from bnnhw.emit.board import link_cost
from bnnhw.errors import FitError, PlanError, TimingError
from bnnhw.families import Device, get_device
from bnnhw.families.flow import Share
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.goal_check import check_goal, plan_goal
from bnnhw.plan.resources import describe_excess, fastest_fit, fits, resources
from bnnhw.platforms import Board
from bnnhw.tools.room import ALL, beside_link, room_for
from bnnhw.tools.room import usual_share as share_of
from bnnhw.tools.too_large import lacks_memory

__all__ = ["ALL", "clock_for", "plan_for", "smaller_share", "usual_share"]

def usual_share(board: Board) -> Share:
    """What a plan takes of a board's part at most, where no goal is given."""
    return share_of(get_device(board.device))


def smaller_share(plan: Plan, board: Board, share: Share, error: FitError,
                  factor: float) -> Share:
    """The share for a next plan, after one turned out larger than it was estimated.

    It is smaller by ``factor`` in what was short. Of lookup tables it is smaller than what the plan
    was estimated to take, since the estimate can lie far below the share that was allowed.
    """
    if lacks_memory(error):
        return share[0], share[1] * factor
    device = get_device(board.device)
    needed, luts = resources(plan, device), share[0]
    if needed is not None and device.budget is not None:
        used = needed.total.lut + link_cost(plan, device).lut
        luts = min(luts, used / device.budget.luts)
    return luts * factor, share[1]


def clock_for(network: Network, board: Board, arch: str, fps: float) -> float:
    """Clock in MHz for a rate: the board's where that does, else as fast as the rate needs.

    Raises
    ------
    PlanError, FitError, TimingError
        It needs a clock that designs on this board do not reach.
    """
    usual = board.clock_mhz
    try:
        plan_for(network, board, arch, Goal(fps=fps, clock_mhz=usual), False, usual, ALL)
    except (PlanError, FitError, TimingError) as error:
        cycles = plan_for(network, board, arch, None, True, usual, usual_share(board)).target_cycles
        for quarter in itertools.count(math.ceil(4 * max(usual, fps * cycles / 1e6))):
            wanted = quarter / 4
            if wanted > board.fastest_mhz:
                break
            if board.make_clock(wanted).hz >= fps * cycles:
                return wanted
        raise type(error)(
            f"{network.graph.name} at {fps:,.0f} frames/s needs {fps * cycles / 1e6:,.1f} MHz on "
            f"{board.title}: {cycles} cycles a frame are the fewest that fit",
            hint=f"designs reach about {board.fastest_mhz:g} MHz there, "
                 f"{board.fastest_mhz * 1e6 / cycles:,.0f} frames/s; --freq overrules it") from None
    return usual


def plan_for(network: Network, board: Board, arch: str, goal: Goal | None, fit: bool,
             clock: float, share: Share) -> Plan:
    """Plan for a board: for a goal, or as fast as fits a share of its part.

    Raises
    ------
    FitError
        The goal does not fit.
    TimingError
        The goal is missed.
    """
    device = board.planned_device
    planner = beside_link(lambda part: planner_of(network, arch, part), device, share)
    chosen = get_arch(arch)

    def room(plan: Plan) -> Device:
        return room_for(plan, device, share)

    if goal is None and not (fit and chosen.search_ii):
        try:
            plan = planner(chosen.default_goal(clock))
        except PlanError:  # nothing is that fast
            plan = None
        if plan is not None and (device.budget is None or _fits(plan, device, share)):
            return plan
    if goal is None and chosen.search_ii:
        return fastest_fit(planner, device, chosen.search_ii[-1], room)
    goal = goal if goal is not None else chosen.default_goal(clock)
    plan = plan_goal(planner, goal, lambda plan: _fits(plan, device, ALL))
    if not _fits(plan, device, ALL):
        needed_all = resources(plan, room_for(plan, device, ALL))
        assert needed_all is not None
        raise FitError(f"{plan.name} does not fit {board.title} beside its host link at {plan.ii} "
                       f"cycles a frame: {describe_excess(needed_all)}",
                       hint=_what_fits(network, board, arch, clock))
    check_goal(plan, goal, planner, lambda plan: _fits(plan, device, ALL))
    return plan


def _what_fits(network: Network, board: Board, arch: str, clock: float) -> str:
    """The option with which a network fits a board; it was tried."""
    for candidate in dict.fromkeys((arch, "streaming")):
        if not get_arch(candidate).search_ii:
            continue
        try:
            plan = plan_for(network, board, candidate, None, True, clock, usual_share(board))
        except (PlanError, FitError):
            continue
        other = "" if candidate == arch else f"--arch {candidate} "
        return f"{other}--fit fits, with {plan.ii} cycles a frame"
    return "no folding of it fits: take a larger board or a smaller network"


def _fits(plan: Plan, device: Device, share: Share) -> bool:
    return fits(plan, room_for(plan, device, share))
