"""Defines the protocol of an architecture: from a network to a plan, and to hardware."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from amaranth.lib import wiring

from bnnhw import golden
from bnnhw.arch.rows import Rows
from bnnhw.arch.simulation import Engine, Generated, Progress, Run, Stalls, StreamCore
from bnnhw.arch.workload import Workload
from bnnhw.config.hints import Hints
from bnnhw.errors import PlanError
from bnnhw.families import Device, get_device
from bnnhw.ir import Graph
from bnnhw.json_types import Json
from bnnhw.layers import Product
from bnnhw.plan import Goal
from bnnhw.plan.goal_check import TimedPlan
from bnnhw.plan.resources import Resources

__all__ = ["AnyPlan", "Architecture", "Clock", "Fraction", "Image", "NoOptions", "P",
           "option_field"]

Fraction = Callable[[float], None]
"""Receives the fraction of a search that is done, between 0 and 1."""


class AnyPlan(TimedPlan, Protocol):
    """The attributes that the plans of all architectures have.

    ``target_cycles`` is the number of cycles per frame that the plan was made for, ``ii`` the
    number that it reaches, and ``latency`` the number of cycles from the first input word of a
    frame to its last output word.
    """

    @property
    def arch(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def latency(self) -> int: ...

    def to_json(self) -> dict[str, object]: ...


P = TypeVar("P", bound=AnyPlan)


class Image(Protocol):
    """Data that a core loads at run time."""

    @property
    def data(self) -> bytes: ...

    def describe(self) -> dict[str, object]:
        """Entry of the manifest: how the data is laid out and loaded."""


@dataclass(frozen=True)
class Clock:
    """A clock in MHz with the reason for it, empty where the user chose a plausible one."""

    mhz: float
    reason: str


def option_field(help: str, default: object = None) -> Any:
    """Declare a field of an ``Options`` class; the text describes the command-line flag."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class NoOptions:
    """The options of an architecture that has none."""


class Architecture(Protocol[P]):
    """A kind of hardware for networks. Methods with a body are defaults for subclasses.

    Attributes
    ----------
    name : str
        Name under which users choose it.
    title : str
        What it is, in one line.
    Options : type
        Frozen dataclass; each field is a command-line flag and a keyword of the API. Declare the
        fields with ``option_field`` and give each the type ``int | None``, ``float | None`` or
        ``str | None``.
    engines : tuple of str
        Simulators that can run its designs.
    search_ii : range
        Cycles per frame that a search for a design that fits a device may ask for; empty where the
        architecture has only one size for a network.
    host_links : tuple of str
        Links of boards that can carry its input and output.
    """

    name: str
    title: str
    Options: ClassVar[type] = NoOptions
    engines: tuple[str, ...] = ("verilator",)
    search_ii: range = range(0)
    host_links: tuple[str, ...] = ()

    def plan(self, graph: Graph, device: Device, goal: Goal, options: Any = None, *,
             hints: Hints | None = None, progress: Fraction | None = None) -> P:
        """Decide everything about the hardware of a network.

        Parameters
        ----------
        graph : Graph
            The network after the passes.
        device : Device
        goal : Goal
            Throughput and clock to reach.
        options : Options or None
            Options of this architecture; None for its defaults.
        hints : dict or None
            Folding and memories that the network file fixes, by layer.
        progress : callable or None
            Receives the fraction of a long search that is done.

        Raises
        ------
        PlanError
            The architecture does not support the network, or the goal or an option is impossible.
        """
        ...

    def elaborate(self, plan: P, graph: Graph) -> wiring.Component:
        """Make the Amaranth component of a plan; ``graph`` is the one it was made for."""
        ...

    def load_plan(self, data: Json) -> P:
        """Rebuild a plan from the JSON values of ``plan.to_json()``."""
        ...

    def describe(self, plan: P) -> Rows:
        """Describe a plan for tables, documents, comments and reports."""
        ...

    def core(self, design: Generated) -> StreamCore:
        """The hardware of a design as simulators drive it."""
        ...

    def simulate(self, design: Generated, x: np.ndarray, engine: Engine, stalls: Stalls,
                 progress: Progress | None) -> Run:
        """Run samples ``x [n, *input.shape]`` through the hardware.

        Raises
        ------
        MismatchError
            The hardware locks up or breaks the protocol of its streams.
        """
        ...

    def workloads(self, design: Generated, x: np.ndarray) -> list[Workload]:
        """Streams of words with which a simulator of netlists runs samples.

        Raises
        ------
        PlanError
            The architecture does not support the simulation of netlists.
        """
        raise PlanError(f"architecture '{self.name}' does not support gate-level simulation")

    def products_per_frame(self, plan: P, graph: Graph) -> int:
        """Products of a weight and an input in a frame, those with padding included."""
        return sum(layer.outputs * layer.fan_in * layer.vector_count
                   for layer in graph.layers if isinstance(layer, Product))

    def images(self, plan: P, graph: Graph) -> dict[str, Image]:
        """Data that the core loads before its first frame, by the name of the file's suffix."""
        return {}

    def reference(self, plan: P, graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs that the hardware must give for ``x``: those of the golden model."""
        return golden.run(graph, x)

    def resources(self, plan: P, device: Device) -> Resources | None:
        """Estimate what a plan needs of a device; None where no cost model exists."""
        return None

    def fits(self, plan: P, device: Device) -> bool:
        """Whether the estimate fits the device; True where no estimate exists."""
        needed = self.resources(plan, device)
        return needed is None or not needed.excess()

    def default_goal(self, clock_mhz: float) -> Goal:
        """The goal of a build at a clock, if the user has given no goal."""
        return Goal()

    def repeat_goal(self, plan: P, goal: Goal) -> Goal:
        """The goal with which planning gives this plan again, if it was made for ``goal``."""
        return Goal(target_cycles=plan.target_cycles)

    def clock(self, plan: P, given_mhz: float | None) -> Clock | None:
        """The clock for rates; None if the user gave none and the device has no expected clock."""
        expected = get_device(plan.device).clock
        if given_mhz is None:
            return None if expected is None else Clock(
                expected.usual_mhz, f"expected, and what 'build' runs at: {expected.evidence}")
        if expected is not None and given_mhz > expected.fastest_mhz:
            return Clock(given_mhz, f"more than expected: {expected.evidence}")
        return Clock(given_mhz, "")
