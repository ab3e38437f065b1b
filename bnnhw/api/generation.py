"""Generates hardware for a network: one call from the network to a ``Design``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bnnhw.api.loading import load
from bnnhw.api.progress import Progress, StageReport
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate as emit_design
from bnnhw.emit.generate import plan_network
from bnnhw.errors import TimingError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.plan.goal_check import check_goal

__all__ = ["generate"]


def generate(network: Network | str | Path, arch: str = "streaming", device: str = "generic",
             ii: int | None = None, fps: float | None = None, clock_mhz: float | None = None,
             progress: Progress | None = None, **options: int | str | None) -> Design:
    """Generate the Verilog of a network.

    Parameters
    ----------
    network : Network, str or Path
        A network, or what ``load`` accepts.
    arch : str
        Architecture: ``streaming``, ``unrolled`` or ``yodann``.
    device : str
        Target device; ``bnnhw.devices()`` lists them.
    ii : int or None
        Cycles that a frame may take (initiation interval). The default is 256 for vectors, and at
        least 36 for each pixel of the largest map.
    fps : float or None
        Frames per second to reach; needs ``clock_mhz``.
    clock_mhz : float or None
        Clock in MHz.
    progress : callable or None
        Called as ``progress(stage, fraction)``.
    **options
        Options of the architecture: ``cuts`` (unrolled) is the number of registers on each path
        through a block; ``core`` (yodann) is its size, such as ``"ni=16,no=16,kernel=5"``.

    Raises
    ------
    PlanError
        There is no plan for this goal.
    TimingError
        The design takes more cycles per frame than the goal allows; ``error.result`` is the
        design.
    """
    if not isinstance(network, Network):
        network = load(network)
    goal = Goal(ii, fps, clock_mhz)
    target = get_device(device)
    report = StageReport(progress)
    design = replace(emit_design(network, arch, target, goal, report, **options), goal=goal)
    report.end()
    try:
        check_goal(design.plan, goal,
                   lambda other: plan_network(network, arch, target, other, None, **options)[1])
    except TimingError as error:
        error.result = design
        raise
    return design
