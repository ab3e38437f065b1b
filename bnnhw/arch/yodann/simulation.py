"""Simulates a network on the core, and compares each job with its golden model and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bnnhw import golden
from bnnhw.arch.simulation import (
    Engine,
    Generated,
    Port,
    Progress,
    Run,
    Stalls,
    StreamCore,
    Table,
    Trace,
)
from bnnhw.arch.yodann.host import JobData, in_software, run_network
from bnnhw.arch.yodann.model import LayerPlan, YodannPlan
from bnnhw.errors import MismatchError
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Graph
from bnnhw.rtl.yodann.core import YodannCore

__all__ = ["JobRun", "LayerRun", "core_of", "reference", "run_jobs", "run_layer",
           "to_bytes", "to_lanes"]

ENDLESS = 1 << 30
"""Words of an input frame, more than any run sends: each job's header gives its length, so that
``tlast`` is never needed."""


@dataclass
class LayerRun:
    """Cycles that the core took for a layer, over all batches.

    Attributes
    ----------
    layer : str
    jobs : int
        Jobs that ran.
    cycles, planned : int
        Measured and planned cycles, each from the beginning of the first job to that of the job
        after the last one.
    utilisation : float
        Measured share of the core's multipliers that the layer's outputs need.
    """

    layer: str
    jobs: int = 0
    cycles: int = 0
    planned: int = 0
    utilisation: float = 0.0

    def row(self) -> dict[str, object]:
        """Entry of the JSON document."""
        return {"layer": self.layer, "jobs": self.jobs, "cycles": self.cycles,
                "planned_cycles": self.planned, "utilisation": round(self.utilisation, 4)}


@dataclass(frozen=True, repr=False)
class JobRun(Run):
    """Result of a simulation of jobs.

    Attributes
    ----------
    layers : dict of LayerRun
        By layer.
    saturated_frames : int
        Frames whose sums saturate, so that the core's outputs differ from the exact network's.
    """

    layers: dict[str, LayerRun] = field(default_factory=dict)
    saturated_frames: int = 0

    @property
    def checked(self) -> str:
        return "the result of every job is right"

    @property
    def planned(self) -> int:
        """Planned cycles of all layers."""
        return sum(layer.planned for layer in self.layers.values())

    def __repr__(self) -> str:
        jobs = sum(layer.jobs for layer in self.layers.values())
        return f"<JobRun: {jobs:,} jobs in {self.cycles:,} cycles>"

    def figures(self) -> dict[str, object]:
        return {"planned_cycles": self.planned, "saturated_frames": self.saturated_frames,
                "layers": [layer.row() for layer in self.layers.values()]}

    def tables(self) -> list[Table]:
        rows = [layer.row() for layer in self.layers.values()]
        return [Table("measured", tuple(rows[0]), [tuple(row.values()) for row in rows])]

    def lines(self, stalled: bool) -> list[str]:
        lines = ["random stalls were simulated, so cycles differ from the plan" if stalled else
                 f"cycles: {self.cycles:,} (plan {self.planned:,})"]
        if self.saturated_frames:
            lines.append(f"sums saturate in {self.saturated_frames} frames, whose outputs differ "
                         "from the exact network's")
        return lines


def reference(plan: YodannPlan, graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs that the core must give: the golden model's, unless its sums can saturate."""
    if plan.shape.acc is None:
        return golden.run(graph, x)
    return run_network(plan, graph, x, in_software(plan))


def core_of(plan: YodannPlan, verilog: str) -> StreamCore:
    """The core as simulators drive it."""
    return StreamCore(plan.name, verilog, lambda: YodannCore(shape=plan.shape, name=plan.name),
                      Port(plan.in_bytes, ENDLESS), Port(2 * plan.lane_bytes, 1), plan.cycles)


def run_jobs(design: Generated, x: np.ndarray, engine: Engine, stalls: Stalls,
             progress: Progress | None) -> JobRun:
    """Run samples ``x [n, *input.shape]``: products on the core, all other layers on the host.

    Raises
    ------
    MismatchError
        The result of a job differs from that of its golden model, the core falls silent, or,
        without stalls, a job takes other cycles than planned.
    """
    plan: YodannPlan = design.plan
    core = core_of(plan, design.verilog)
    layers: dict[str, LayerRun] = {}

    def execute(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        outputs, cycles = run_layer(engine, core, plan, layer, data, stalls)
        known = layers.setdefault(layer.layer, LayerRun(layer.layer))
        known.jobs += len(layer.jobs)
        known.cycles += cycles
        known.planned += layer.cycles(plan.shape)
        known.utilisation = layer.utilisation(plan.shape) * known.planned / known.cycles
        return outputs

    outputs = run_network(plan, design.graph, x, execute, progress)
    return JobRun(outputs, sum(layer.cycles for layer in layers.values()), layers,
                  _saturated(plan, design.graph, x))


def _saturated(plan: YodannPlan, graph: Graph, x: np.ndarray) -> int:
    """Frames whose outputs differ from the exact network's, because sums saturate."""
    if plan.shape.acc is None:
        return 0
    return count_mismatches(golden.run(graph, x), reference(plan, graph, x))


def run_layer(engine: Engine, core: StreamCore, plan: YodannPlan, layer: LayerPlan,
              data: Sequence[JobData], stalls: Stalls) -> tuple[list[np.ndarray], int]:
    """Run the jobs of a layer back to back.

    Returns
    -------
    outputs : list of int64 arrays
        Result of each job.
    cycles : int
        Cycles of all jobs.

    Raises
    ------
    MismatchError
        As for ``run_jobs``.
    """
    words = np.concatenate([job.encode(plan.shape, d.pixels, d.weights, d.scales)
                            for job, d in zip(layer.jobs, data, strict=True)])
    longest = max(job.cycles(plan.shape) for job in layer.jobs)
    trace = engine.run(replace(core, silence_cycles=longest), to_bytes(words, plan.in_bytes),
                       sum(job.out_words(plan.shape) for job in layer.jobs), stalls, None)
    outputs = _check_results(plan, layer, data, trace)
    if not stalls.any:
        _check_cycles(plan, layer, trace)
    return outputs, _measured(plan, layer, trace)


def to_bytes(words: np.ndarray, size: int) -> np.ndarray:
    """Stream words as uint8 ``[n, size]``."""
    return (words[:, None] >> (8 * np.arange(size)) & 255).astype(np.uint8)


def to_lanes(words: np.ndarray, size: int) -> np.ndarray:
    """Both signed lanes of output words: int64 ``[n, 2]``."""
    values = words.reshape(len(words), 2, size).astype(np.int64) @ (1 << 8 * np.arange(size))
    sign = 1 << (8 * size - 1)
    return np.asarray((values ^ sign) - sign)


def _check_results(plan: YodannPlan, layer: LayerPlan, data: Sequence[JobData],
                   trace: Trace) -> list[np.ndarray]:
    """Return the results of the jobs, if they equal those of their golden models."""
    lanes = to_lanes(trace.words, plan.lane_bytes)
    outputs, first = [], 0
    for k, (job, d) in enumerate(zip(layer.jobs, data, strict=True)):
        count = job.out_words(plan.shape)
        where = f"layer '{layer.layer}', job {k} of {len(layer.jobs)}"
        arrived = int((trace.out_cycles[first:first + count] >= 0).sum())
        if arrived < count:
            raise MismatchError(f"the core fell silent after {arrived} of {count} output words",
                                where=where)
        found = job.decode(plan.shape, lanes[first:first + count])
        expected = job.compute(plan.shape, d.pixels, d.weights, d.scales)
        wrong = np.argwhere(found != expected)
        if len(wrong):
            image, row, column, channel = (int(v) for v in wrong[0])
            raise MismatchError(
                f"image {image}, row {row + job.out_row}, column {column + job.out_column}, "
                f"channel {channel + job.first_out}: golden {expected[tuple(wrong[0])]}, hardware "
                f"{found[tuple(wrong[0])]}", where=where)
        ends = (np.arange(count) + 1) % job.words(plan.shape) == 0
        if (trace.last[first:first + count] != ends).any():
            raise MismatchError("m_axis_tlast is not at the end of each pixel", where=where)
        outputs.append(found)
        first += count
    if trace.frame_error:
        raise MismatchError("the core reports frame_error, although every job was complete",
                            where=f"layer '{layer.layer}'")
    return outputs


def _starts(plan: YodannPlan, layer: LayerPlan, trace: Trace) -> np.ndarray:
    """Cycle of the first word of each job."""
    words = [job.in_words(plan.shape) for job in layer.jobs]
    return np.asarray(trace.in_cycles[np.cumsum([0, *words[:-1]])])


def _measured(plan: YodannPlan, layer: LayerPlan, trace: Trace) -> int:
    """Cycles of all jobs; after its last output, the last job is assumed to end as planned."""
    last = layer.jobs[-1].cycles(plan.shape) - plan.output_delay(layer.jobs[-1])
    return int(trace.out_cycles[-1] + last - trace.in_cycles[0])


def _check_cycles(plan: YodannPlan, layer: LayerPlan, trace: Trace) -> None:
    """Check that the cycles from job to job, and to the last output, are those of the plan."""
    planned = [job.cycles(plan.shape) for job in layer.jobs]
    starts = _starts(plan, layer, trace)
    delay = int(trace.out_cycles[-1] - starts[-1])
    wanted = [*planned[:-1], plan.output_delay(layer.jobs[-1])]
    for k, (found, expected) in enumerate(zip([*np.diff(starts), delay], wanted, strict=True)):
        if found != expected:
            raise MismatchError(f"the job took {found} cycles; the plan has {expected}",
                                where=f"layer '{layer.layer}', job {k} of {len(layer.jobs)}")
