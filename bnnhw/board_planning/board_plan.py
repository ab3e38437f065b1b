"""Plans a network for a board: decides folding, clock and share of the FPGA once."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from bnnhw.arch import get_arch
from bnnhw.board_planning.device_share import (
    ALL,
    fits_share,
    remaining_device,
    usual_share,
    with_host_link,
)
from bnnhw.board_planning.planner import planner_of
from bnnhw.emit.board import link_cost
from bnnhw.errors import FitError, PlanError, TimingError, option
from bnnhw.families import get_device
from bnnhw.families.flow import Share
from bnnhw.families.pll import Clock
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.goal_check import check_goal, plan_goal
from bnnhw.plan.resources import describe_excess, fastest_fit, resources
from bnnhw.platforms import Board

__all__ = ["SHRINK", "BoardPlan", "BoardRequest", "plan_for", "plan_smaller"]

SHRINK = 0.88
"""Factor on the share of the FPGA after a design turned out larger than estimated."""
CLOCK_STEPS_PER_MHZ = 4
"""Clocks per MHz that are tried for a goal in frames per second."""


@dataclass(frozen=True)
class BoardRequest:
    """What a user asks of a board.

    Parameters
    ----------
    board : Board
    network : Network
    arch : str
        Name of the architecture.
    goal : Goal or None
        Throughput to reach; None for the default of the architecture, or for the fastest design
        that fits where that does not fit.
    fit : bool
        Without a goal: plan for the fastest design that fits at once.
    """

    board: Board
    network: Network
    arch: str
    goal: Goal | None = None
    fit: bool = False


@dataclass(frozen=True)
class BoardPlan:
    """A plan for a board.

    Attributes
    ----------
    request : BoardRequest
    plan : Plan
    clock : Clock
        The accelerator's clock, as the PLL of the board makes it.
    share : Share
        Share of the FPGA that plan and host link may take together.
    too_large : tuple of Plan
        Earlier plans that turned out larger than the FPGA.
    """

    request: BoardRequest
    plan: Plan
    clock: Clock
    share: Share
    too_large: tuple[Plan, ...] = ()

    @property
    def board(self) -> Board:
        """The board of the request."""
        return self.request.board


def plan_for(board: Board, network: Network, goal: Goal | None = None, *,
             arch: str = "streaming", fit: bool = False,
             clock_mhz: float | None = None) -> BoardPlan:
    """Plan a network for a board.

    Parameters
    ----------
    board : Board
    network : Network
    goal : Goal or None
        Throughput to reach, without a clock; None: see ``BoardRequest``.
    arch : str
    fit : bool
        Without a goal: plan for the fastest design that fits, instead of the default throughput
        where that fits.
    clock_mhz : float or None
        Clock in MHz, of which the PLL makes the next lower one that it can; None for the board's
        default, or for what a goal in frames per second needs.

    Raises
    ------
    PlanError
        The PLL cannot make the clock, or a layer cannot be as fast as the goal.
    FitError
        The network does not fit, or not at the goal.
    TimingError
        The plan is slower than the goal.
    """
    request = BoardRequest(board, network, arch, goal, fit)
    clock = _clock_for(request) if clock_mhz is None else board.make_clock(clock_mhz)
    share = usual_share(get_device(board.device))
    return BoardPlan(request, _plan(request, clock, share), clock, share)


def plan_smaller(before: BoardPlan, error: FitError) -> BoardPlan:
    """Plan again, for a smaller share, after a design turned out larger than estimated.

    Parameters
    ----------
    before : BoardPlan
    error : FitError
        What place and route reported.

    Raises
    ------
    FitError
        ``error``, where the request has a goal, or no smaller plan exists.
    """
    if before.request.goal is not None:
        raise error
    share = _smaller_share(before, error)
    try:
        plan = _plan(before.request, before.clock, share)
    except FitError:
        raise error from None
    if plan == before.plan:
        raise error
    return replace(before, plan=plan, share=share, too_large=(*before.too_large, before.plan))


def _smaller_share(before: BoardPlan, error: FitError) -> Share:
    """The share for the next plan: smaller by ``SHRINK`` in the resource that was short.

    Of LUTs it is also smaller than the estimate of the plan before, which can be far below the
    share that was allowed.
    """
    if before.board.family.need_flow().place_and_route.names_block(error.message):
        return before.share[0], before.share[1] * SHRINK
    device = get_device(before.board.device)
    needed, luts = resources(before.plan, device), before.share[0]
    if needed is not None and device.budget is not None:
        used = needed.total.lut + link_cost(before.plan, device).lut
        luts = min(luts, used / device.budget.luts)
    return luts * SHRINK, before.share[1]


def _clock_for(request: BoardRequest) -> Clock:
    """The board's default clock, or as fast a clock as a goal in frames per second needs.

    Raises
    ------
    PlanError, FitError, TimingError
        The goal needs a clock that designs on this board do not reach.
    """
    board, goal = request.board, request.goal
    usual = board.make_clock(board.clock_mhz)
    if goal is None or goal.fps is None:
        return usual
    try:
        _plan(request, usual, ALL)
    except (PlanError, FitError, TimingError) as error:
        share = usual_share(get_device(board.device))
        fastest = _plan(replace(request, goal=None, fit=True), usual, share)
        cycles = fastest.target_cycles
        needed_mhz = goal.fps * cycles / 1e6
        first = math.ceil(CLOCK_STEPS_PER_MHZ * max(board.clock_mhz, needed_mhz))
        for step in itertools.count(first):
            mhz = step / CLOCK_STEPS_PER_MHZ
            if mhz > board.fastest_mhz:
                break
            if (clock := board.make_clock(mhz)).mhz >= needed_mhz:
                return clock
        raise type(error)(
            f"{request.network.graph.name} at {goal.fps:,.0f} frames/s needs {needed_mhz:,.1f} MHz "
            f"on {board.title}: the fastest design that fits takes {cycles} cycles per frame",
            hint=f"designs reach about {board.fastest_mhz:g} MHz there, "
                 f"{board.fastest_mhz * 1e6 / cycles:,.0f} frames/s; {option('clock_mhz')} "
                 "overrides that limit") from None
    return usual


def _plan(request: BoardRequest, clock: Clock, share: Share) -> Plan:
    """Plan for the goal of a request, or without one as fast as fits a share of the FPGA."""
    board, network, arch = request.board, request.network, request.arch
    device, chosen = board.planned_device, get_arch(arch)
    planner = with_host_link(lambda part: planner_of(network, arch, part), device, share)
    if request.goal is None:
        if not (request.fit and chosen.search_ii):
            try:
                plan = planner(chosen.default_goal(clock.mhz))
            except PlanError:  # a layer cannot be that fast
                plan = None
            if plan is not None and fits_share(plan, device, share):
                return plan
        if chosen.search_ii:
            return fastest_fit(planner, device, chosen.search_ii[-1],
                               lambda plan: remaining_device(plan, device, share))
    goal = chosen.default_goal(clock.mhz) if request.goal is None else \
        replace(request.goal, clock_mhz=clock.mhz)

    def fits_part(plan: Plan) -> bool:
        return fits_share(plan, device, ALL)

    plan = plan_goal(planner, goal, fits_part)
    if not fits_part(plan):
        needed = resources(plan, remaining_device(plan, device, ALL))
        assert needed is not None
        raise FitError(f"{plan.name} with its host link does not fit {board.title} at {plan.ii} "
                       f"cycles per frame: {describe_excess(needed)}",
                       hint=_what_fits(request, clock))
    check_goal(plan, goal, planner, fits_part)
    return plan


def _what_fits(request: BoardRequest, clock: Clock) -> str:
    """The options with which the network fits the board; they were tried."""
    share = usual_share(get_device(request.board.device))
    for arch in dict.fromkeys((request.arch, "streaming")):
        if not get_arch(arch).search_ii:
            continue
        try:
            plan = _plan(replace(request, arch=arch, goal=None, fit=True), clock, share)
        except (PlanError, FitError):
            continue
        other = "" if arch == request.arch else f"{option('arch', arch)} with "
        return f"{other}{option('fit', True)} fits, with {plan.ii} cycles per frame"
    return "no folding of it fits: use a larger board or a smaller network"
