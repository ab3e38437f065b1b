"""Gate-level simulation of a core that runs jobs: every job of some samples through the netlist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.arch.yodann import YodannPlan, run_network
from bnnhw.arch.yodann.host import JobData
from bnnhw.arch.yodann.model import LayerPlan
from bnnhw.emit.design import Design
from bnnhw.flow.cells.bench import Traffic
from bnnhw.flow.cells.gates import GateRun, count_differing, default_period, run_words
from bnnhw.flow.cells.mapping import Mapped
from bnnhw.flow.cells.netlist import Netlist

__all__ = ["simulate_job_gates"]

ENDLESS = 1 << 30
"""Words of a frame that never ends: jobs say by themselves where they end."""


def simulate_job_gates(design: Design, mapped: Mapped, netlist: Netlist, x: np.ndarray, *,
                       period: float | None = None, seed: int = 1) -> GateRun:
    """Run samples: products through the netlist, all else as the host does.

    Parameters and errors are those of ``simulate_gates``.
    """
    plan: Any = design.plan
    assert isinstance(plan, YodannPlan)
    period = period or default_period(netlist)
    latencies: list[int] = []

    def execute(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        words = np.concatenate([job.encode(plan.shape, d.pixels, d.weights, d.scales)
                                for job, d in zip(layer.jobs, data, strict=True)])
        counts = [job.out_words(plan.shape) for job in layer.jobs]
        traffic = Traffic(plan.name, plan.in_bytes, 2 * plan.lane_bytes, ENDLESS, 1, len(words),
                          sum(counts), 2 * layer.cycles(plan.shape) + 1000)
        run = run_words(mapped, netlist, traffic, _bytes(words, plan.in_bytes), period, seed)
        latencies.append(int(run.cycles[-1] - run.first))
        lanes = _lanes(run.words, plan.lane_bytes)
        parts = np.split(lanes, np.cumsum(counts)[:-1])
        return [job.decode(plan.shape, part) for job, part in zip(layer.jobs, parts, strict=True)]

    outputs = run_network(plan, design.graph, x, execute)
    differing = count_differing(golden.run(design.graph, x), outputs)
    return GateRun(len(x), differing, period, latencies[0], None, None)


def _bytes(words: np.ndarray, size: int) -> np.ndarray:
    return (words[:, None] >> (8 * np.arange(size)) & 255).astype(np.uint8)


def _lanes(words: np.ndarray, size: int) -> np.ndarray:
    """Both signed lanes of output words: int64 ``[n, 2]``."""
    values = words.reshape(len(words), 2, size).astype(np.int64) @ (1 << 8 * np.arange(size))
    sign = 1 << (8 * size - 1)
    return np.asarray((values ^ sign) - sign)
