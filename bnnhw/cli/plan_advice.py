"""The commands that ``plan`` prints: each was tried, as far as planning goes."""

from __future__ import annotations

import shlex

from bnnhw.arch import get_arch
from bnnhw.cli.arch_options import flags_of
from bnnhw.errors import BnnhwError
from bnnhw.families import Device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.goal_check import settle
from bnnhw.plan.resources import Planner, fits
from bnnhw.platforms import boards
from bnnhw.tools.room import ALL, room_for, usual_share

__all__ = ["commands"]


def commands(network: Network, layers: str, device: Device, plan: Plan, goal: Goal,
             planner: Planner, options: dict[str, object]) -> list[str]:
    """Commands that make the Verilog of a plan, and a bitstream where a board has the part.

    None for a plan that is slower than its goal or larger than the part: what these commands make
    would be, too.

    Parameters
    ----------
    network : Network
    layers : str
        As the user named it.
    device : Device
    plan : Plan
    goal : Goal
    planner : callable
        As that of ``generate``.
    options : dict
        Options of the architecture that the user gave.
    """
    asked = goal.target_cycles is not None or goal.fps is not None
    arch = get_arch(plan.arch)
    if not arch.fits(plan, device) or (asked and plan.ii > plan.target_cycles):
        return []
    flags = [] if plan.arch == "streaming" else ["--arch", plan.arch]
    flags += flags_of(options)
    lines = []
    fitted = not asked and device.budget is not None and arch.search_ii
    core = _core_alone(device, plan, planner) if fitted else plan
    if core is not None:
        # A default that is missed is no goal: without --ii, 'generate' takes it again.
        repeat = arch.repeat_goal(core, goal)
        reached = repeat.target_cycles is not None and core.ii <= core.target_cycles
        cycles = ["--ii", str(repeat.target_cycles)] if reached else []
        if repeat.clock_mhz is not None:
            cycles += ["--clock", f"{repeat.clock_mhz:g}"]
        alone = "" if core == plan else f" alone, with {core.ii} cycles a frame"
        lines.append(f"to generate it{alone}: " + shlex.join([
            "bnnhw", "generate", "--layers", layers, "--device", device.name, *flags, *cycles,
            "-o", "OUT.v"]))
    board = _board_for(network, device, plan)
    if board is not None:
        lines.append("to build it with the host link: " + shlex.join([
            "bnnhw", "build", layers, "--board", board, *flags, "--ii", str(plan.target_cycles)]))
    return lines


def _core_alone(device: Device, plan: Plan, planner: Planner) -> Plan | None:
    """The plan itself where the core has the part for itself, or one as near as can be."""
    if planner(plan.target_cycles) == plan:
        return plan
    return settle(planner, plan.ii, lambda found: fits(found, device))


def _board_for(network: Network, device: Device, plan: Plan) -> str | None:
    """A board with the part, on which ``build`` makes the same plan beside its host link."""
    from bnnhw.cli.board_plan import plan_for

    if not get_arch(plan.arch).search_ii or plan.ii > plan.target_cycles or \
            not fits(plan, room_for(plan, device, ALL)):
        return None
    for board in boards().values():
        if board.device != device.name:
            continue
        try:
            made = plan_for(network, board, plan.arch, Goal(target_cycles=plan.target_cycles),
                            False,
                            board.clock_mhz, usual_share(device))
        except BnnhwError:
            continue
        if made == plan:
            return board.name
    return None
