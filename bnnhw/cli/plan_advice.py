"""Writes the commands that ``plan`` prints, with which its plan can be generated and built."""

from __future__ import annotations

import shlex

from bnnhw.board_planning.device_plan import DevicePlan
from bnnhw.cli.arch_options import flags_of

__all__ = ["commands"]


def commands(planned: DevicePlan, network: str) -> list[str]:
    """Commands for the Verilog of a plan, and for a bitstream where a board has the part.

    There are none for a plan that is slower than its goal or larger than the part.

    Parameters
    ----------
    planned : DevicePlan
    network : str
        The network, as the user named it.
    """
    plan, device = planned.plan, planned.device
    if not planned.is_met:
        return []
    flags = [] if plan.arch == "streaming" else ["--arch", plan.arch]
    flags += flags_of(dict(planned.options))
    lines = []
    core = planned.core_plan()
    if core is not None:
        goal = planned.core_goal(core)
        goal_flags = [] if goal.target_cycles is None else ["--ii", str(goal.target_cycles)]
        if goal.clock_mhz is not None:
            goal_flags += ["--clock", f"{goal.clock_mhz:g}"]
        alone = "" if core == plan else f" alone, with {core.ii} cycles per frame"
        lines.append(f"to generate it{alone}: " + shlex.join([
            "bnnhw", "generate", "--layers", network, "--device", device.name, *flags, *goal_flags,
            "-o", "OUT.v"]))
    board = planned.board()
    if board is not None:
        lines.append("to build it with the host link: " + shlex.join([
            "bnnhw", "build", network, "--board", board.name, *flags, "--ii",
            str(plan.target_cycles)]))
    return lines
