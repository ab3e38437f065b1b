"""Gate-level simulation of a core that runs jobs: every job of some samples through the netlist."""

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
from bnnhw.asic.bench import Traffic
from bnnhw.asic.gates import GateRun, WordRun, count_differing, default_period, run_words
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.vcd import Toggles
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError

__all__ = ["JobRun", "LayerToggles", "simulate_job_gates"]

ENDLESS = 1 << 30
"""Words of an input frame that never ends: jobs say by themselves where they end."""


@dataclass(frozen=True)
class LayerToggles:
    """Edges while the core runs the jobs of a layer, one batch after another.

    Attributes
    ----------
    layer : str
    products : int
        That the layer's outputs need, a frame.
    toggles : Toggles
        From the end of the first batch to that of the last one.
    """

    layer: str
    products: int
    toggles: Toggles


@dataclass(frozen=True)
class JobRun(GateRun):
    """A simulation of a core that runs jobs.

    ``latency`` and ``ii`` are sums over the layers; ``toggles`` is always None.

    Attributes
    ----------
    window : int
        Frames behind the first batch, in which edges were counted.
    layers : tuple of LayerToggles
        Nothing where edges were not wanted.
    """

    window: int = 0
    layers: tuple[LayerToggles, ...] = ()


def simulate_job_gates(design: Design, mapped: Mapped, netlist: Netlist, x: np.ndarray, *,
                       period: float | None = None, seed: int = 1,
                       toggles: bool = False,
                       done: Callable[[float], None] | None = None) -> JobRun:
    """Run the jobs of some samples through the netlist, the batches of a layer without a pause.

    Jobs get the data that the golden model has at their place, and each result is compared with
    that of the job's golden model. Other parameters and errors are those of ``simulate_gates``.

    Raises
    ------
    ConfigError
        ``toggles`` are wanted, and there is no batch behind the first one.
    """
    plan: Any = design.plan
    assert isinstance(plan, YodannPlan)
    period = period or default_period(netlist)
    batches = -(-len(x) // plan.batch)
    if toggles and batches < 2:
        raise ConfigError(f"needs more than {plan.batch} samples, as it begins behind the first "
                          "batch", where="energy", hint=f"--gates {2 * plan.batch}")
    work: dict[str, list[Sequence[JobData]]] = {layer.layer: [] for layer in plan.layers}
    right: dict[str, list[list[np.ndarray]]] = {layer.layer: [] for layer in plan.layers}
    software = in_software(plan)

    def record(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        work[layer.layer].append(data)
        right[layer.layer].append(software(layer, data))
        return right[layer.layer][-1]

    outputs = run_network(plan, design.graph, x, record)
    # A sum that saturates may make the network's result another one, which is no fault of gates.
    wrong = 0 if plan.shape.acc else count_differing(golden.run(design.graph, x), outputs)
    differ = np.zeros(batches * plan.batch, dtype=bool)
    latency = cycles = 0
    layers = []
    each = partial(run_words, mapped, netlist, period=period, seed=seed, toggles=toggles)
    total = sum(layer.cycles(plan.shape) for layer in plan.layers)
    before = 0
    for layer in plan.layers:
        share = layer.cycles(plan.shape)

        def ran(fraction: float, before: int = before, share: int = share) -> None:
            if done is not None:
                done((before + fraction * share) / total)

        run = _run_layer(plan, layer, work[layer.layer], partial(each, done=ran))
        before += share
        counts = [job.out_words(plan.shape) for job in layer.jobs]
        differ |= _differing(plan, layer, _lanes(run.words, plan.lane_bytes), right[layer.layer])
        ends = run.cycles[sum(counts) - 1::sum(counts)]
        latency += int(ends[0] - run.first)
        cycles += int(ends[-1] - ends[0])
        if run.toggles is not None:
            layers.append(LayerToggles(layer.layer, layer.macs() // plan.batch, run.toggles))
    window = (batches - 1) * plan.batch
    return JobRun(len(x), max(wrong, int(differ[:len(x)].sum())), period, latency,
                  -(-cycles // window) if window else None, None, window, tuple(layers))


def _run_layer(plan: YodannPlan, layer: LayerPlan, batches: Sequence[Sequence[JobData]],
               run: Callable[[Traffic, np.ndarray], WordRun]) -> WordRun:
    """All jobs of a layer, batch by batch."""
    words = np.concatenate([job.encode(plan.shape, d.pixels, d.weights, d.scales)
                            for data in batches
                            for job, d in zip(layer.jobs, data, strict=True)])
    out = sum(job.out_words(plan.shape) for job in layer.jobs)
    cycles = len(batches) * layer.cycles(plan.shape)
    traffic = Traffic(plan.name, plan.in_bytes, 2 * plan.lane_bytes, ENDLESS, out, len(words),
                      len(batches), 2 * cycles + 1000, cycles)
    return run(traffic, _bytes(words, plan.in_bytes))


def _differing(plan: YodannPlan, layer: LayerPlan, lanes: np.ndarray,
               right: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Frames of which any result of a job is not as its golden model says."""
    counts = [job.out_words(plan.shape) for _ in right for job in layer.jobs]
    parts = iter(np.split(lanes, np.cumsum(counts)[:-1]))
    differ = np.zeros((len(right), plan.batch), dtype=bool)
    for k, batch in enumerate(right):
        for job, wanted in zip(layer.jobs, batch, strict=True):
            found = job.decode(plan.shape, next(parts))
            # Pictures of a frame, the phases of a dilated kernel, follow each other.
            differ[k] |= (found != wanted).reshape(plan.batch, -1).any(axis=1)
    return differ.ravel()


def _bytes(words: np.ndarray, size: int) -> np.ndarray:
    return (words[:, None] >> (8 * np.arange(size)) & 255).astype(np.uint8)


def _lanes(words: np.ndarray, size: int) -> np.ndarray:
    """Both signed lanes of output words: int64 ``[n, 2]``."""
    values = words.reshape(len(words), 2, size).astype(np.int64) @ (1 << 8 * np.arange(size))
    sign = 1 << (8 * size - 1)
    return np.asarray((values ^ sign) - sign)
