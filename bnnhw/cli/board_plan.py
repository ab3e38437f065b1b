"""Planning for a board: beside its host link, and at a clock that keeps what was wished."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from bnnhw.arch import get_arch
from bnnhw.cli.plan import SLOWEST, planner_of
from bnnhw.device import Device, get_device
from bnnhw.emit.board import link_cost
from bnnhw.errors import FitError, PlanError
from bnnhw.flow.families import Share, get_family
from bnnhw.frontend.network import Network
from bnnhw.plan import Plan, Wish
from bnnhw.plan.resources import describe_excess, fastest_fit, fits, resources
from bnnhw.platforms import Board
from bnnhw.platforms.pll import choose_clock

__all__ = ["ALL", "clock_for", "plan_for", "smaller_share", "usual_share"]

ALL: Share = (1.0, 1.0)


def usual_share(board: Board) -> Share:
    """What a plan takes of a board's part at most, where nothing was wished."""
    budget = get_device(board.device).budget
    return ALL if budget is None else get_family(board).share(budget)


def smaller_share(plan: Plan, board: Board, share: Share, factor: float) -> Share:
    """The share for a next plan, after one turned out larger than it was estimated.

    Of lookup tables it is smaller than what that plan was estimated to take, since the estimate
    can lie far below the share that was allowed.
    """
    device = get_device(board.device)
    needed, luts = resources(plan, device), share[0]
    if needed is not None and device.budget is not None:
        used = needed.total.lut + link_cost(plan, device).lut
        luts = min(luts, used / device.budget.luts)
    return luts * factor, share[1] * factor


def clock_for(network: Network, board: Board, arch: str, fps: float) -> float:
    """Clock in MHz for a rate: the board's where that does, else as fast as the rate needs.

    Raises
    ------
    PlanError, FitError
        It needs a clock that designs on this board do not reach.
    """
    usual = board.clock_mhz
    try:
        plan_for(network, board, arch, Wish(fps=fps, clock_mhz=usual), False, usual, ALL)
    except (PlanError, FitError) as error:
        cycles = plan_for(network, board, arch, None, True, usual, usual_share(board)).ii
        for quarter in itertools.count(math.ceil(4 * max(usual, fps * cycles / 1e6))):
            wanted = quarter / 4
            if wanted > board.fastest_mhz:
                break
            if choose_clock(board.pll, board.oscillator_hz, wanted * 1e6).hz >= fps * cycles:
                return wanted
        raise type(error)(
            f"{network.graph.name} at {fps:,.0f} frames/s needs {fps * cycles / 1e6:,.1f} MHz on "
            f"{board.title}: {cycles} cycles a frame are the fewest that fit",
            hint=f"designs reach about {board.fastest_mhz:g} MHz there, "
                 f"{board.fastest_mhz * 1e6 / cycles:,.0f} frames/s; --freq overrules it") from None
    return usual


def plan_for(network: Network, board: Board, arch: str, wish: Wish | None, fit: bool,
             clock: float, share: Share) -> Plan:
    """Plan for a board: what the user wished, or as fast as fits a share of its part.

    Raises
    ------
    FitError
        What was wished does not fit.
    """
    device = get_device(board.device)
    if device.budget is not None and board.flash is None:
        device = replace(device, budget=replace(device.budget, spram=0))  # it cannot be loaded
    planner = planner_of(network, arch, device)
    folds = get_arch(arch).folds

    def room(plan: Plan) -> Device:
        return _reduced(plan, device, share)

    def beside_link(wish: Wish | int) -> Plan:
        plan = planner(wish)
        if device.budget and not _fits(plan, device, share):  # it may with weights elsewhere
            plan = planner_of(network, arch, room(plan))(wish)
        return plan

    if wish is None and not (fit and folds):
        try:
            plan = beside_link(Wish() if folds else Wish(ii=1, clock_mhz=clock))
        except PlanError:  # nothing is that fast
            plan = None
        if plan is not None and (device.budget is None or _fits(plan, device, share)):
            return plan
    if wish is None and folds:
        return fastest_fit(beside_link, device, SLOWEST, room)
    plan = beside_link(wish if wish is not None else Wish(ii=1, clock_mhz=clock))
    if not _fits(plan, device, ALL):
        needed_all = resources(plan, _reduced(plan, device, ALL))
        assert needed_all is not None
        raise FitError(f"{plan.name} does not fit {board.title} beside its host link at {plan.ii} "
                       f"cycles a frame: {describe_excess(needed_all)}",
                       hint="leave out --ii and --fps, or say --fit, for what does" if folds
                       else "'--arch streaming' can be folded")
    return plan


def _fits(plan: Plan, device: Device, share: Share) -> bool:
    return fits(plan, _reduced(plan, device, share))


def _reduced(plan: Plan, device: Device, share: Share) -> Device:
    """A share of the part without what the link of a plan takes."""
    if device.budget is None:
        return device
    link, budget = link_cost(plan, device), device.budget
    luts, blocks = share
    return replace(device, budget=replace(
        budget, luts=max(0, int(budget.luts * luts - link.lut)),
        ffs=max(0, int(budget.ffs * luts - link.lut)),
        blocks=max(0, int(budget.blocks * blocks) - link.block)))
