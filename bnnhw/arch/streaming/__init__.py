"""The ``streaming`` architecture: one folded matrix-vector unit per layer, joined by streams.

The scheme is FINN's (Umuroglu et al., FPGA 2017).
"""

from __future__ import annotations

from bnnhw.arch.base import Fraction, NoOptions
from bnnhw.arch.frames import FrameArchitecture
from bnnhw.arch.registry import register
from bnnhw.arch.streaming.planning import plan
from bnnhw.config.hints import Hints
from bnnhw.families import Device
from bnnhw.ir import Graph
from bnnhw.plan import Goal, Plan

__all__ = ["SLOWEST", "STREAMING", "Streaming"]

SLOWEST = 1 << 40
"""Cycles per frame that every network can be folded to; this target gives the smallest plan."""


class Streaming(FrameArchitecture):
    """One matrix-vector-threshold unit per layer; its folding trades cycles for area."""

    name = "streaming"
    title = "one folded MVTU per layer, joined by streams"
    search_ii = range(1, SLOWEST + 1)

    def plan(self, graph: Graph, device: Device, goal: Goal, options: NoOptions | None = None, *,
             hints: Hints | None = None, progress: Fraction | None = None) -> Plan:
        return plan(graph, hints or {}, device, goal)


STREAMING = register(Streaming())
