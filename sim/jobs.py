"""Jobs of a core through its Verilog: every result against its golden model, and every cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bnnhw.arch.yodann import YodannPlan, run_network
from bnnhw.arch.yodann.host import JobData
from bnnhw.arch.yodann.model import LayerPlan
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.sim.batch import BatchResult, run_batch
from bnnhw.sim.build import build_model
from bnnhw.sim.stalls import Stalls

__all__ = ["JobRun", "LayerRun", "build_core", "run_layer", "simulate_jobs"]

WORDS = 1 << 30
"""More than any run has: jobs say by themselves where they end, without ``tlast``."""


@dataclass
class LayerRun:
    """What the core did for a layer.

    Attributes
    ----------
    layer : str
    jobs : int
    cycles, planned : int
        Cycles from job to job, measured and planned.
    """

    layer: str
    jobs: int = 0
    cycles: int = 0
    planned: int = 0


@dataclass(repr=False)
class JobRun:
    """What a run gave.

    Attributes
    ----------
    outputs : dict of int64 arrays
        As the golden model gives them.
    layers : dict of LayerRun
        By layer, over all batches.
    """

    outputs: dict[str, np.ndarray] = field(default_factory=dict)
    layers: dict[str, LayerRun] = field(default_factory=dict)

    @property
    def cycles(self) -> int:
        return sum(layer.cycles for layer in self.layers.values())

    def __repr__(self) -> str:
        jobs = sum(layer.jobs for layer in self.layers.values())
        return f"<JobRun: {jobs:,} jobs in {self.cycles:,} cycles>"


def simulate_jobs(design: Design, x: np.ndarray, stalls: Stalls | None = None,
                  progress: Callable[[int], None] | None = None, *,
                  layout: str | None = None) -> JobRun:
    """Run samples ``x [n, *input.shape]``: products through Verilator, all else on the host.

    ``layout`` may name another order of axes (see ``bnnhw.ir.samples.arrange_samples``).

    Raises
    ------
    MismatchError
        A job's result is not that of its golden model, which is named, or the core fell silent, or
        without stalls a job took other cycles than planned.
    """
    if len(x) == 0:
        raise ConfigError("holds no samples", where="input array")
    x = design.graph.accept_input(x, layout)
    plan = design.plan
    assert isinstance(plan, YodannPlan)
    library = build_core(plan, design.verilog)
    run = JobRun()

    def execute(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        outputs, cycles = run_layer(library, plan, layer, data, stalls or Stalls())
        known = run.layers.setdefault(layer.layer, LayerRun(layer.layer))
        known.jobs += len(layer.jobs)
        known.cycles += cycles
        known.planned += layer.cycles(plan.shape)
        return outputs

    parts = []
    for first in range(0, len(x), plan.batch):
        part = x[first:first + plan.batch]
        parts.append(run_network(plan, design.graph, part, execute))
        if progress:
            progress(len(part))
    run.outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return run


def build_core(plan: YodannPlan, verilog: str) -> Path:
    """Compile the core with the harness of the batch simulator."""
    return build_model(verilog, plan.name, plan.in_bytes, 2 * plan.lane_bytes,
                       WORDS)


def run_layer(library: Path, plan: YodannPlan, layer: LayerPlan, data: Sequence[JobData],
              stalls: Stalls) -> tuple[list[np.ndarray], int]:
    """Run the jobs of a layer back to back: results of each, and the cycles of all.

    Raises
    ------
    MismatchError
        As ``simulate_jobs``.
    """
    words = [job.encode(plan.shape, d.pixels, d.weights, d.scales)
             for job, d in zip(layer.jobs, data, strict=True)]
    longest = max(job.cycles(plan.shape) for job in layer.jobs)
    patience = int(4 * longest / ((1 - stalls.input) * (1 - stalls.output))) + 1000
    result = run_batch(library, _bytes(np.concatenate(words), plan.in_bytes),
                       sum(job.out_words(plan.shape) for job in layer.jobs),
                       2 * plan.lane_bytes, seed=stalls.seed, in_stall=stalls.input,
                       out_stall=stalls.output, patience=patience)
    outputs = _check_results(plan, layer, data, result)
    if not stalls.input and not stalls.output:
        _check_cycles(plan, layer, result)
    return outputs, _measured(plan, layer, result)


def _bytes(words: np.ndarray, size: int) -> np.ndarray:
    """Stream words as uint8 ``[n, size]``."""
    return (words[:, None] >> (8 * np.arange(size)) & 255).astype(np.uint8)


def _lanes(words: np.ndarray, size: int) -> np.ndarray:
    """Both signed lanes of output words: int64 ``[n, 2]``."""
    values = words.reshape(len(words), 2, size).astype(np.int64) @ (1 << 8 * np.arange(size))
    sign = 1 << (8 * size - 1)
    return (values ^ sign) - sign


def _check_results(plan: YodannPlan, layer: LayerPlan, data: Sequence[JobData],
                   result: BatchResult) -> list[np.ndarray]:
    """Results of the jobs, if they are those of their golden models."""
    lanes = _lanes(result.words, plan.lane_bytes)
    outputs, place = [], 0
    for k, (job, d) in enumerate(zip(layer.jobs, data, strict=True)):
        count = job.out_words(plan.shape)
        where = f"layer '{layer.layer}', job {k} of {len(layer.jobs)}"
        arrived = int((result.out_cycles[place:place + count] >= 0).sum())
        if arrived < count:
            raise MismatchError(f"the core fell silent after {arrived} of {count} output words",
                                where=where)
        found = job.decode(plan.shape, lanes[place:place + count])
        expected = job.compute(plan.shape, d.pixels, d.weights, d.scales)
        wrong = np.argwhere(found != expected)
        if len(wrong):
            image, row, column, channel = (int(v) for v in wrong[0])
            raise MismatchError(
                f"image {image}, row {row + job.out_row}, column {column + job.out_column}, "
                f"channel {channel + job.first_out}: golden {expected[tuple(wrong[0])]}, hardware "
                f"{found[tuple(wrong[0])]}", where=where)
        ends = (np.arange(count) + 1) % job.words(plan.shape) == 0
        if (result.last[place:place + count] != ends).any():
            raise MismatchError("m_axis_tlast is not at the end of each pixel", where=where)
        outputs.append(found)
        place += count
    if result.frame_error:
        raise MismatchError("the core reports frame_error, although every job was whole",
                            where=f"layer '{layer.layer}'")
    return outputs


def _starts(plan: YodannPlan, layer: LayerPlan, result: BatchResult) -> np.ndarray:
    """Cycle of the first word of each job."""
    words = [job.in_words(plan.shape) for job in layer.jobs]
    return result.in_cycles[np.cumsum([0, *words[:-1]])]


def _measured(plan: YodannPlan, layer: LayerPlan, result: BatchResult) -> int:
    """Cycles of all jobs; the last one ends as many after its last output as it is planned to."""
    last = layer.jobs[-1].cycles(plan.shape) - plan.output_delay(layer.jobs[-1])
    return int(result.out_cycles[-1] + last - result.in_cycles[0])


def _check_cycles(plan: YodannPlan, layer: LayerPlan, result: BatchResult) -> None:
    """Cycles from job to job, and to the last output, are those of the plan."""
    planned = [job.cycles(plan.shape) for job in layer.jobs]
    starts = _starts(plan, layer, result)
    delay = int(result.out_cycles[-1] - starts[-1])
    wanted = [*planned[:-1], plan.output_delay(layer.jobs[-1])]
    for k, (found, expected) in enumerate(zip([*np.diff(starts), delay], wanted, strict=True)):
        if found != expected:
            raise MismatchError(f"took {found} cycles, planned {expected}",
                                where=f"layer '{layer.layer}', job {k} of {len(layer.jobs)}")
