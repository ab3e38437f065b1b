"""Simulates a design and compares every output with the golden model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.api.progress import Progress, sample_counter
from bnnhw.arch.simulation import Run, Stalls
from bnnhw.emit.design import Design
from bnnhw.errors import MismatchError
from bnnhw.golden.comparison import count_mismatches, first_mismatch, outputs_error
from bnnhw.sim.compare import first_difference
from bnnhw.sim.simulate import VERILATOR, simulate

__all__ = ["Verification", "mismatch_error", "simulate_design", "verify_design"]


@dataclass(frozen=True)
class Verification:
    """A simulated run next to what the golden model expects.

    Attributes
    ----------
    run : Run
    expected : dict of int64 arrays
        Outputs of the golden model; of a core that saturates its sums, of the golden model that
        saturates alike.
    mismatches : int
        Frames of which any output differs from ``expected``.
    seconds : float
        Time of the simulation.
    """

    run: Run
    expected: dict[str, np.ndarray]
    mismatches: int
    seconds: float


def simulate_design(design: Design, x: np.ndarray, engine: str = "verilator",
                    stalls: float | tuple[float, float] = 0.0, seed: int = 1,
                    layout: str | None = None,
                    progress: Progress | None = None) -> Run:
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
    run = simulate(design, x, engine, stalls, count)
    seconds = time.perf_counter() - begin
    expected = design.architecture.reference(design.plan, design.graph, x)
    return Verification(run, expected, count_mismatches(expected, run.outputs), seconds)


def mismatch_error(design: Design, x: np.ndarray, verified: Verification,
                   engine: str) -> MismatchError:
    """Describe where a run first differs from the golden model, as closely as can be found out."""
    run, mismatches = verified.run, verified.mismatches
    first = first_mismatch(verified.expected, run.outputs)
    assert first is not None
    difference = first_difference(design, x, first.frame + 1)
    if difference:
        return MismatchError(f"{mismatches} of {len(x)} frames differ from the golden model; first "
                             f"at {difference}", result=run, layer=difference.layer,
                             frame=difference.frame, channel=difference.channel)
    remark = run.checked
    if design.core.probes.taps:
        remark = "every stream before it is right" if engine == VERILATOR.name else \
            "the emitted Verilog is right under Verilator"
    return outputs_error(design.graph, first, mismatches, len(x), result=run, remark=remark)
