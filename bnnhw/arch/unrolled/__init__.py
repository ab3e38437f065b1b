"""The ``unrolled`` architecture: weights are constants in logic, and rows share their sums."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.arch.base import Clock, Fraction, option_field
from bnnhw.arch.frames import FrameArchitecture
from bnnhw.arch.registry import register
from bnnhw.arch.unrolled.planning import plan
from bnnhw.config.hints import Hints
from bnnhw.families import Device
from bnnhw.ir import Graph
from bnnhw.plan import Goal, Plan

__all__ = ["UNROLLED", "Unrolled", "UnrolledOptions"]


@dataclass(frozen=True)
class UnrolledOptions:
    """Options of ``unrolled``.

    Parameters
    ----------
    cuts : int or None
        Registers on each path through a block of logic; 0 makes the block combinational, None
        takes as many as the clock needs.
    """

    cuts: int | None = option_field("Registers on each path through a block of logic (0: "
                                    "combinational; default: what the clock needs).")


class Unrolled(FrameArchitecture):
    """Every product layer is logic; there is one size for a network and a clock."""

    name = "unrolled"
    title = "weights as logic that rows share, one vector per cycle"
    Options = UnrolledOptions

    def plan(self, graph: Graph, device: Device, goal: Goal,
             options: UnrolledOptions | None = None, *, hints: Hints | None = None,
             progress: Fraction | None = None) -> Plan:
        cuts = None if options is None else options.cuts
        return plan(graph, device, goal, cuts, progress)

    def default_goal(self, clock_mhz: float) -> Goal:
        return Goal(target_cycles=1, clock_mhz=clock_mhz)

    def repeat_goal(self, plan: Plan, goal: Goal) -> Goal:
        # The clock decides how many registers the logic gets.
        return Goal(target_cycles=plan.target_cycles, clock_mhz=goal.clock_mhz)

    def clock(self, plan: Plan, given_mhz: float | None) -> Clock:
        return Clock(given_mhz or Goal.ASSUMED_MHZ,
                     "its registers are placed for this clock; not timed")


UNROLLED = register(Unrolled())
