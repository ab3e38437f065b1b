"""Gate-level simulation of a job-based core (YodaNN): runs all jobs of some samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.arch.yodann import YodannPlan, run_network
from bnnhw.arch.yodann.host import JobData, in_software
from bnnhw.arch.yodann.model import LayerPlan
from bnnhw.asic.gate_simulation import (
    TIMEOUT_CYCLES,
    GateRun,
    WordRun,
    count_differing,
    default_period,
    run_words,
)
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.testbench import Traffic
from bnnhw.asic.vcd import Toggles
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError

__all__ = ["JobRun", "LayerToggles", "simulate_job_gates"]

NO_FRAMES = 1 << 30
"""Words per input frame of a stream without frame boundaries: each job encodes its length."""


@dataclass(frozen=True)
class LayerToggles:
    """Edges counted while the core runs the jobs of one layer, batch after batch.

    Attributes
    ----------
    layer : str
    products : int
        Products of a weight and an input per frame of the layer.
    toggles : Toggles
        Edges from the end of the first batch to the end of the last one.
    """

    layer: str
    products: int
    toggles: Toggles


@dataclass(frozen=True)
class JobRun(GateRun):
    """Result of a gate-level simulation of a job-based core.

    ``latency`` and ``ii`` are sums over the layers; ``toggles`` is always None.

    Attributes
    ----------
    window : int
        Frames after the first batch, the window in which edges were counted.
    layers : tuple of LayerToggles
        Empty if edges were not requested.
    """

    window: int = 0
    layers: tuple[LayerToggles, ...] = ()


def simulate_job_gates(design: Design, mapped: Mapped, netlist: Netlist, x: np.ndarray, *,
                       period: float | None = None, seed: int = 1,
                       toggles: bool = False,
                       progress: Callable[[float], None] | None = None) -> JobRun:
    """Run the jobs of some samples through the netlist, the batches of a layer without a pause.

    Each job gets the data of the golden model, and its result is compared with the golden model of
    the job. All other parameters and errors are those of ``simulate_gates``.

    Raises
    ------
    ConfigError
        ``toggles`` are requested, but there is only one batch.
    """
    plan: Any = design.plan
    assert isinstance(plan, YodannPlan)
    period = period or default_period(netlist)
    batches = -(-len(x) // plan.batch)
    if toggles and batches < 2:
        raise ConfigError(f"needs more than {plan.batch} samples, as the measurement starts "
                          "after the first batch", where="energy",
                          hint=f"use `gates={2 * plan.batch}`")
    jobs: dict[str, list[Sequence[JobData]]] = {layer.layer: [] for layer in plan.layers}
    expected: dict[str, list[list[np.ndarray]]] = {layer.layer: [] for layer in plan.layers}
    software = in_software(plan)

    def record(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        jobs[layer.layer].append(data)
        expected[layer.layer].append(software(layer, data))
        return expected[layer.layer][-1]

    outputs = run_network(plan, design.graph, x, record)
    # If accumulators may saturate, the result of the network may differ from golden by design.
    mismatches = 0 if plan.shape.acc else count_differing(golden.run(design.graph, x), outputs)
    differ = np.zeros(batches * plan.batch, dtype=bool)
    latency = cycles = 0
    layers = []
    each = partial(run_words, mapped, netlist, period=period, seed=seed, toggles=toggles)
    total = sum(layer.cycles(plan.shape) for layer in plan.layers)
    before = 0
    for layer in plan.layers:
        share = layer.cycles(plan.shape)

        def layer_progress(fraction: float, before: int = before, share: int = share) -> None:
            if progress is not None:
                progress((before + fraction * share) / total)

        run = _run_layer(plan, layer, jobs[layer.layer], partial(each, progress=layer_progress))
        before += share
        counts = [job.out_words(plan.shape) for job in layer.jobs]
        differ |= _differing(plan, layer, _lanes(run.words, plan.lane_bytes), expected[layer.layer])
        ends = run.cycles[sum(counts) - 1::sum(counts)]
        latency += int(ends[0] - run.first)
        cycles += int(ends[-1] - ends[0])
        if run.toggles is not None:
            layers.append(LayerToggles(layer.layer, layer.macs() // plan.batch, run.toggles))
    window = (batches - 1) * plan.batch
    return JobRun(len(x), max(mismatches, int(differ[:len(x)].sum())), period, latency,
                  -(-cycles // window) if window else None, None, window, tuple(layers))


def _run_layer(plan: YodannPlan, layer: LayerPlan, batches: Sequence[Sequence[JobData]],
               run: Callable[[Traffic, np.ndarray], WordRun]) -> WordRun:
    """Run all jobs of a layer, batch after batch."""
    words = np.concatenate([job.encode(plan.shape, d.pixels, d.weights, d.scales)
                            for data in batches
                            for job, d in zip(layer.jobs, data, strict=True)])
    out = sum(job.out_words(plan.shape) for job in layer.jobs)
    cycles = len(batches) * layer.cycles(plan.shape)
    traffic = Traffic(
        top=plan.name, in_bytes=plan.in_bytes, out_bytes=2 * plan.lane_bytes, in_frame=NO_FRAMES,
        out_frame=out, words=len(words), frames=len(batches),
        timeout_cycles=2 * cycles + TIMEOUT_CYCLES, expected_cycles=cycles)
    return run(traffic, _to_bytes(words, plan.in_bytes))


def _differing(plan: YodannPlan, layer: LayerPlan, lanes: np.ndarray,
               expected: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Return for each frame whether the result of any of its jobs differs from the job's model."""
    counts = [job.out_words(plan.shape) for _ in expected for job in layer.jobs]
    parts = iter(np.split(lanes, np.cumsum(counts)[:-1]))
    differ = np.zeros((len(expected), plan.batch), dtype=bool)
    for k, batch in enumerate(expected):
        for job, result in zip(layer.jobs, batch, strict=True):
            found = job.decode(plan.shape, next(parts))
            # The images of one frame (the phases of a dilated kernel) are adjacent.
            differ[k] |= (found != result).reshape(plan.batch, -1).any(axis=1)
    return differ.ravel()


def _to_bytes(words: np.ndarray, size: int) -> np.ndarray:
    """Split words into bytes, least significant byte first: uint8 ``[n, size]``."""
    return (words[:, None] >> (8 * np.arange(size)) & 255).astype(np.uint8)


def _lanes(words: np.ndarray, size: int) -> np.ndarray:
    """Return the two signed lanes of each output word: int64 ``[n, 2]``."""
    values = words.reshape(len(words), 2, size).astype(np.int64) @ (1 << 8 * np.arange(size))
    sign = 1 << (8 * size - 1)
    return np.asarray((values ^ sign) - sign)
