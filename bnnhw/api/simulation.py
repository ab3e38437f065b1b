"""Simulates a design and compares every output with the golden model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.api.progress import Progress, sample_counter
from bnnhw.arch import get_arch
from bnnhw.arch.yodann import in_software, run_network
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.sim.compare import count_mismatches, first_difference
from bnnhw.sim.jobs import JobRun, simulate_jobs
from bnnhw.sim.simulate import Simulation, simulate
from bnnhw.sim.stalls import Stalls

__all__ = ["Verification", "mismatch_error", "simulate_design", "verify_design"]


@dataclass(frozen=True)
class Verification:
    """A simulated run next to what the golden model expects.

    Attributes
    ----------
    run : Simulation or JobRun
    expected : dict of int64 arrays
        Outputs of the golden model; of a core that saturates its sums, of the golden model that
        saturates in the same way.
    exact : dict of int64 arrays
        Outputs of the exact network.
    mismatches : int
        Frames of which any output differs from ``expected``.
    seconds : float
        Time of the simulation.
    """

    run: Simulation | JobRun
    expected: dict[str, np.ndarray]
    exact: dict[str, np.ndarray]
    mismatches: int
    seconds: float


def simulate_design(design: Design, x: np.ndarray, engine: str = "verilator",
                    stalls: float | tuple[float, float] = 0.0, seed: int = 1,
                    layout: str | None = None,
                    progress: Progress | None = None) -> Simulation | JobRun:
    """Simulate a design on samples (see ``Design.simulate``)."""
    stall_in, stall_out = stalls if isinstance(stalls, tuple) else (stalls, stalls)
    x = design.graph.accept_input(x, layout)
    verified = verify_design(design, x, engine, Stalls(stall_in, stall_out, seed),
                             sample_counter(progress, f"simulate ({engine})", max(len(x), 1)))
    if verified.mismatches:
        raise mismatch_error(design, x, verified, engine)
    return verified.run


def verify_design(design: Design, x: np.ndarray, engine: str, stalls: Stalls,
                  count: Callable[[int], None] | None = None) -> Verification:
    """Simulate samples ``x [n, *input.shape]``, and compute what the golden model expects.

    Raises
    ------
    MismatchError
        The design stopped, or marked the ends of frames wrongly. Wrong outputs raise nothing here
        (see ``mismatch_error``).
    """
    begin = time.perf_counter()
    if get_arch(design.plan.arch).jobs:
        if engine != "verilator":
            raise ConfigError(f"'{design.plan.arch}' cannot run in the engine '{engine}'",
                              hint="use verilator")
        run: Simulation | JobRun = simulate_jobs(design, x, stalls, count)
    else:
        run = simulate(design, x, engine, stalls, count)
    seconds = time.perf_counter() - begin
    exact = expected = golden.run(design.graph, x)
    plan: Any = design.plan
    if isinstance(run, JobRun) and plan.shape.acc is not None:
        expected = run_network(plan, design.graph, x, in_software(plan))
    return Verification(run, expected, exact, count_mismatches(expected, run.outputs), seconds)


def mismatch_error(design: Design, x: np.ndarray, verified: Verification,
                   engine: str) -> MismatchError:
    """Describe where a run first differs from the golden model, as closely as can be found out."""
    expected, found = verified.expected, verified.run.outputs
    frames = f"{verified.mismatches} of {len(x)} frames differ from the golden model"
    frame, output = next((k, o) for k in range(len(x)) for o in expected
                         if (expected[o][k] != found[o][k]).any())
    channel = int(np.flatnonzero(expected[output][frame] != found[output][frame])[0])
    layer = dict(design.graph.outputs)[output]
    if isinstance(verified.run, JobRun):
        return MismatchError(f"{frames}, although every job is right", result=verified.run,
                             layer=layer, frame=frame, channel=channel)
    difference = first_difference(design, x, frame + 1)
    if difference:
        return MismatchError(f"{frames}; first at {difference}", result=verified.run,
                             layer=difference.layer, frame=difference.frame,
                             channel=difference.channel)
    where = f"output '{output}' of layer '{layer}', frame {frame}, channel {channel}"
    rest = "every stream before it is right" if engine == "verilator" else \
        "the emitted Verilog is right under Verilator"
    return MismatchError(f"{frames}; first at {where}; {rest}", result=verified.run,
                         layer=layer, frame=frame, channel=channel)
