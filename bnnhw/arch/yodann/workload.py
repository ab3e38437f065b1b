"""Writes the jobs of some samples as input for netlist simulations, one for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bnnhw import golden
from bnnhw.arch.simulation import Generated, Port, StreamCore
from bnnhw.arch.workload import Workload
from bnnhw.arch.yodann.host import JobData, in_software, run_network
from bnnhw.arch.yodann.model import LayerPlan, YodannPlan
from bnnhw.arch.yodann.simulation import core_of, to_bytes, to_lanes
from bnnhw.golden.comparison import differing_frames

__all__ = ["workloads"]


def workloads(design: Generated, x: np.ndarray) -> list[Workload]:
    """Make one workload for each layer: its jobs, batch after batch.

    Each job gets the data of the golden model, and its result is compared with the golden model of
    the job.
    """
    plan: YodannPlan = design.plan
    jobs: dict[str, list[Sequence[JobData]]] = {layer.layer: [] for layer in plan.layers}
    results: dict[str, list[list[np.ndarray]]] = {layer.layer: [] for layer in plan.layers}
    software = in_software(plan)

    def record(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        jobs[layer.layer].append(data)
        results[layer.layer].append(software(layer, data))
        return results[layer.layer][-1]

    outputs = run_network(plan, design.graph, x, record)
    wrong = np.zeros(len(x), dtype=bool)
    if plan.shape.acc is None:  # saturated sums may change the result of the network
        wrong = differing_frames(golden.run(design.graph, x), outputs)
    core = core_of(plan, design.verilog)
    return [_workload(plan, core, layer, jobs[layer.layer], results[layer.layer], wrong)
            for layer in plan.layers]


def _workload(plan: YodannPlan, core: StreamCore, layer: LayerPlan,
              batches: Sequence[Sequence[JobData]], results: Sequence[Sequence[np.ndarray]],
              wrong: np.ndarray) -> Workload:
    """The workload of a layer; ``wrong`` are the samples that differ for another reason."""
    words = np.concatenate([job.encode(plan.shape, d.pixels, d.weights, d.scales)
                            for data in batches
                            for job, d in zip(layer.jobs, data, strict=True)])
    counts = [job.out_words(plan.shape) for job in layer.jobs]

    def differing(out: np.ndarray) -> np.ndarray:
        parts = iter(np.split(to_lanes(out, plan.lane_bytes),
                              np.cumsum(counts * len(results))[:-1]))
        differ = np.zeros((len(results), plan.batch), dtype=bool)
        for k, batch in enumerate(results):
            for job, result in zip(layer.jobs, batch, strict=True):
                found = job.decode(plan.shape, next(parts))
                # The images of one frame (the phases of a dilated kernel) are adjacent.
                differ[k] |= (found != result).reshape(plan.batch, -1).any(axis=1)
        return np.asarray(differ.ravel()[:len(wrong)] | wrong)

    return Workload(layer.layer, replace(core, o=Port(core.o.bytes, sum(counts))),
                    to_bytes(words, plan.in_bytes), (0, layer.cycles(plan.shape)), plan.batch,
                    layer.macs() // plan.batch, differing)
