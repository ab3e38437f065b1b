"""Plans a network for a device without a board, and finds what fits if the plan does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bnnhw.arch import get_arch
from bnnhw.board_planning.board_plan import plan_for
from bnnhw.board_planning.device_share import (
    ALL,
    fits_share,
    remaining_device,
    usual_share,
    with_host_link,
)
from bnnhw.board_planning.planner import planner_of
from bnnhw.errors import BnnhwError, FitError, option
from bnnhw.families import DEVICES, Device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.goal_check import check_goal, plan_goal, settle
from bnnhw.plan.resources import Planner, Resources, describe_excess, fastest_fit
from bnnhw.platforms import Board, boards

__all__ = ["DevicePlan", "plan_for_device"]


@dataclass(frozen=True)
class DevicePlan:
    """A plan for a device, which may be too large or too slow (see ``check``).

    Attributes
    ----------
    network : Network
    device : Device
    goal : Goal
        Throughput and clock to reach; each may be empty.
    plan : Plan
    options : mapping
        Options of the architecture.
    """

    network: Network
    device: Device
    goal: Goal
    plan: Plan
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_goal(self) -> bool:
        """Whether the goal includes a throughput."""
        return self.goal.target_cycles is not None or self.goal.fps is not None

    @property
    def planner(self) -> Planner:
        """The planner for the complete device, without a host link."""
        return planner_of(self.network, self.plan.arch, self.device, self.options)

    @property
    def needed(self) -> Resources | None:
        """Estimated resources; None where the family has no cost model."""
        return get_arch(self.plan.arch).resources(self.plan, self.device)

    @property
    def is_met(self) -> bool:
        """Whether the plan fits the device and is as fast as its goal, if it has one."""
        return get_arch(self.plan.arch).fits(self.plan, self.device) and (
            not self.has_goal or self.plan.ii <= self.plan.target_cycles)

    def check(self) -> None:
        """Check that the plan fits the device and meets its goal.

        Raises
        ------
        FitError
            The plan does not fit; the message names what would.
        TimingError
            The plan is slower than its goal; the message names a goal that is met.
        """
        arch, needed = get_arch(self.plan.arch), self.needed
        if needed is not None and needed.excess():
            raise FitError(f"{self.plan.name} does not fit {self.device.name} at {self.plan.ii} "
                           f"cycles per frame: {describe_excess(needed)}", hint=self._remedies())
        check_goal(self.plan, self.goal, self.planner, lambda plan: arch.fits(plan, self.device))

    def core_plan(self) -> Plan | None:
        """The plan that ``generate`` makes of a core without a host link.

        It is the same plan where the host link takes no resources that the plan would use, and
        otherwise one with about as many cycles per frame; None where none fits.
        """
        if self.has_goal or self.device.budget is None or not get_arch(self.plan.arch).search_ii:
            return self.plan
        if self.planner(self.plan.target_cycles) == self.plan:
            return self.plan
        arch = get_arch(self.plan.arch)
        return settle(self.planner, self.plan.ii, lambda plan: arch.fits(plan, self.device))

    def core_goal(self, core: Plan) -> Goal:
        """The goal with which ``generate`` reproduces ``core_plan()``.

        It has no target of cycles if the default target is missed, because ``generate`` uses that
        target by itself.
        """
        repeat = get_arch(self.plan.arch).repeat_goal(core, self.goal)
        reached = repeat.target_cycles is not None and core.ii <= core.target_cycles
        return repeat if reached else replace(repeat, target_cycles=None)

    def board(self) -> Board | None:
        """A board on which the same plan fits together with its host link; None without one."""
        plan = self.plan
        if not get_arch(plan.arch).search_ii or plan.ii > plan.target_cycles or \
                not fits_share(plan, self.device, ALL):
            return None
        for board in boards().values():
            if board.device != self.device.name:
                continue
            try:
                made = plan_for(board, self.network, Goal(target_cycles=plan.target_cycles),
                                arch=plan.arch)
            except BnnhwError:
                continue
            if made.plan == plan:
                return board
        return None

    def _remedies(self) -> str:
        """More cycles per frame, or a larger part of the family, that were found to fit."""
        arch, budget = self.plan.arch, self.device.budget
        remedies = [_slower(self.network, candidate, self.device, self.goal.clock_mhz,
                            candidate != arch)
                    for candidate in dict.fromkeys((arch, "streaming"))
                    if get_arch(candidate).search_ii]
        goal = Goal(target_cycles=self.plan.ii, clock_mhz=self.goal.clock_mhz)
        larger = {device.budget.luts: device for device in DEVICES.values()
                  if device.family is self.device.family and device.budget and budget
                  and device.budget.luts > budget.luts}
        for _, part in sorted(larger.items()):
            plan = planner_of(self.network, arch, part, self.options)(goal)
            if get_arch(arch).fits(plan, part) and plan.ii <= plan.target_cycles:
                remedies.append(f"{option('device', part.name)} would do with "
                                f"{option('ii', plan.target_cycles)}")
                break
        return ", ".join(remedies)


def plan_for_device(device: Device, network: Network, goal: Goal, *, arch: str = "streaming",
                    options: Mapping[str, object] | None = None) -> DevicePlan:
    """Plan a network for a device.

    On a part, without a goal, the result is the fastest plan that fits together with the host link
    of boards, if the architecture can make a network in several sizes.

    Parameters
    ----------
    device : Device
    network : Network
    goal : Goal
    arch : str
    options : mapping or None
        Options of the architecture, by name.

    Raises
    ------
    PlanError
        A layer cannot be as fast as the goal, or the family has no cost model to search with.
    FitError
        The smallest design does not fit.
    """
    chosen, options = get_arch(arch), options or {}
    if goal.target_cycles is None and goal.fps is None and device.budget is not None \
            and chosen.search_ii:
        share = usual_share(device)
        planner = with_host_link(lambda part: planner_of(network, arch, part, options), device,
                                 share)
        plan = fastest_fit(planner, device, chosen.search_ii[-1],
                           lambda plan: remaining_device(plan, device, share))
    else:
        plan = plan_goal(planner_of(network, arch, device, options), goal,
                         lambda plan: chosen.fits(plan, device))
    return DevicePlan(network, device, goal, plan, options)


def _slower(network: Network, arch: str, device: Device, clock_mhz: float | None,
            named: bool) -> str:
    """The fastest plan that fits, as options; with the architecture where it is ``named``."""
    try:
        plan = fastest_fit(planner_of(network, arch, device), device,
                           get_arch(arch).search_ii[-1])
    except BnnhwError:
        return f"no folding of {option('arch', arch)} fits"
    rate = f" ({clock_mhz * 1e6 / plan.ii:,.0f} frames/s at {clock_mhz:g} MHz)" \
        if clock_mhz else ""
    other = f"{option('arch', arch)} and " if named else ""
    return f"it fits with {other}{option('ii', plan.target_cycles)}{rate}"
