"""Finds the commands that ``plan`` prints to generate and build its plan, and checks them."""

from __future__ import annotations

import shlex

from bnnhw.arch import get_arch
from bnnhw.board_planning.device_plan import DevicePlan
from bnnhw.cli.arch_options import flags_of

__all__ = ["commands"]


def commands(planned: DevicePlan, layers: str) -> list[str]:
    """Commands for the Verilog of a plan, and for a bitstream where a board has the part.

    There are none for a plan that is slower than its goal or larger than the part.

    Parameters
    ----------
    planned : DevicePlan
    layers : str
        The network, as the user named it.
    """
    plan, device = planned.plan, planned.device
    arch = get_arch(plan.arch)
    if not arch.fits(plan, device) or (planned.has_goal and plan.ii > plan.target_cycles):
        return []
    flags = [] if plan.arch == "streaming" else ["--arch", plan.arch]
    flags += flags_of(dict(planned.options))
    lines = []
    core = planned.core_plan()
    if core is not None:
        # A missed default is not repeated: without --ii, 'generate' uses it again.
        repeat = arch.repeat_goal(core, planned.goal)
        reached = repeat.target_cycles is not None and core.ii <= core.target_cycles
        cycles = ["--ii", str(repeat.target_cycles)] if reached else []
        if repeat.clock_mhz is not None:
            cycles += ["--clock", f"{repeat.clock_mhz:g}"]
        alone = "" if core == plan else f" alone, with {core.ii} cycles per frame"
        lines.append(f"to generate it{alone}: " + shlex.join([
            "bnnhw", "generate", "--layers", layers, "--device", device.name, *flags, *cycles,
            "-o", "OUT.v"]))
    board = planned.board()
    if board is not None:
        lines.append("to build it with the host link: " + shlex.join([
            "bnnhw", "build", layers, "--board", board.name, *flags, "--ii",
            str(plan.target_cycles)]))
    return lines
