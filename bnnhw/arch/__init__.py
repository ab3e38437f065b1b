"""Architectures: how a Graph becomes a Plan, and a Plan a Component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bnnhw.arch import streaming, unrolled, yodann
from bnnhw.errors import PlanError
from bnnhw.ir import Graph

__all__ = ["ARCHS", "Architecture", "get_arch"]


@dataclass(frozen=True)
class Architecture:
    """A way to build networks.

    Parameters
    ----------
    name, title : str
    plan : (graph, hints, device, goal) -> Plan
    elaborate : (plan, graph) -> Component
    load_plan : JSON value -> Plan
    searches : bool
        Planning searches for seconds; a fifth argument of ``plan`` is told the fraction done.
    folds : bool
        It can be slower and smaller; else there is one size.
    jobs : bool
        Its plan is a list of jobs for a core and a host (``YodannPlan``), not a stream of frames.
    """

    name: str
    title: str
    plan: Callable[..., Any]
    elaborate: Callable[[Any, Graph], Any]
    load_plan: Callable[[dict[str, Any]], Any]
    searches: bool = False
    folds: bool = True
    jobs: bool = False


ARCHS: dict[str, Architecture] = {a.name: a for a in (
    Architecture("streaming", "one folded MVTU a layer, joined by streams",
                 streaming.plan, streaming.elaborate, streaming.load_plan),
    Architecture("unrolled", "weights as logic that rows share, one vector a cycle",
                 unrolled.plan, unrolled.elaborate, unrolled.load_plan, searches=True,
                 folds=False),
    Architecture("yodann", "one core of latch memories, binary weights, integer activations",
                 yodann.plan, yodann.elaborate, yodann.load_plan, folds=False, jobs=True),
)}


def get_arch(name: str) -> Architecture:
    """Look up an architecture by name."""
    if name not in ARCHS:
        raise PlanError(f"unknown architecture '{name}'", hint=f"use one of {', '.join(ARCHS)}")
    return ARCHS[name]
