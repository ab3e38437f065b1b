"""Host software of the core: cuts layers into jobs, adds partial sums, computes other layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bnnhw.arch.simulation import Progress
from bnnhw.arch.yodann.layout import accumulators
from bnnhw.arch.yodann.model import LayerPlan, YodannPlan
from bnnhw.arch.yodann.planes import ChannelPlanes, channel_planes
from bnnhw.arch.yodann.planning import scales_of
from bnnhw.ir import Graph
from bnnhw.layers import Product

__all__ = ["Execute", "JobData", "in_software", "job_data", "run_network"]


@dataclass(frozen=True)
class JobData:
    """Data of a job: pixels, weights and scales, as for ``Job.encode`` and ``Job.compute``."""

    pixels: np.ndarray
    weights: np.ndarray
    scales: np.ndarray | None


Execute = Callable[[LayerPlan, Sequence[JobData]], list[np.ndarray]]
"""Runs the jobs of a layer; returns one int64 ``[images, rows, columns, no]`` per job."""


def job_data(plan: YodannPlan, graph: Graph, layer: LayerPlan, x: np.ndarray) -> list[JobData]:
    """Cut the input ``[batch, *input.shape]`` and the weights of a layer into its jobs' data."""
    product = _product(graph, layer.layer)
    planes = channel_planes(product, plan.shape.bits)
    images, kernels = layer.layout.images(planes, x), layer.layout.kernels(planes)
    scales = scales_of(graph, product, plan.shape) if layer.fused else None
    group_channels = layer.layout.channels // layer.layout.groups
    data = []
    for job in layer.jobs:
        pixels = images[:, job.first_row:job.first_row + job.h,
                        job.first_column:job.first_column + job.w,
                        job.first_in:job.first_in + job.ni]
        first = job.first_in % group_channels if layer.layout.groups > 1 else job.first_in
        outputs = slice(job.first_out, job.first_out + job.no)
        data.append(JobData(pixels, kernels[outputs, :, :, first:first + job.ni],
                            None if scales is None else scales[outputs]))
    return data


def in_software(plan: YodannPlan) -> Execute:
    """Return a function that runs jobs with their golden model."""
    def execute(layer: LayerPlan, data: Sequence[JobData]) -> list[np.ndarray]:
        return [job.compute(plan.shape, d.pixels, d.weights, d.scales)
                for job, d in zip(layer.jobs, data, strict=True)]
    return execute


def run_network(plan: YodannPlan, graph: Graph, x: np.ndarray, execute: Execute,
                progress: Progress | None = None) -> dict[str, np.ndarray]:
    """Compute the outputs of samples ``x [n, *input.shape]``, one batch after another.

    An incomplete last batch is filled with copies of its last sample. ``progress`` receives the
    number of samples of each batch that is done.
    """
    x = graph.check_input(x)
    parts = []
    for first in range(0, len(x), plan.batch):
        batch = x[first:first + plan.batch]
        filled = np.concatenate([batch, batch[-1:].repeat(plan.batch - len(batch), axis=0)])
        outputs = _run_batch(plan, graph, filled, execute)
        parts.append({name: value[:len(batch)] for name, value in outputs.items()})
        if progress:
            progress(len(batch))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _run_batch(plan: YodannPlan, graph: Graph, x: np.ndarray,
               execute: Execute) -> dict[str, np.ndarray]:
    values = {"input": x}
    layers = {layer.layer: layer for layer in plan.layers}
    fused = {layer.fused for layer in plan.layers}
    for layer in graph.layers:
        if layer.name in fused:
            continue
        if layer.name not in layers:
            values[layer.name] = layer.compute(*(values[s] for s in layer.sources))
            continue
        planned = layers[layer.name]
        product = _product(graph, layer.name)
        parts = execute(planned, job_data(plan, graph, planned, values[layer.source]))
        planes = channel_planes(product, plan.shape.bits)
        total = add_up(planned, planes, parts)
        if planned.fused is not None:
            shape = graph.layer(planned.fused).out_type().shape
            values[planned.fused] = planned.layout.strided(total).reshape(len(x), *shape)
        else:
            out = product.activate(accumulators(planes, planned.layout, total))
            values[layer.name] = out.reshape(len(x), *product.out_type().shape)
    return graph.select_outputs(values)


def add_up(layer: LayerPlan, planes: ChannelPlanes, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Add the results of the jobs to the sums ``[n, rows, columns, outputs]`` of the layer."""
    layout = layer.layout
    total = np.zeros((layer.jobs[0].images, *layout.out_size, layout.outputs), dtype=np.int64)
    group_channels = layout.channels // layout.groups
    for job, part in zip(layer.jobs, parts, strict=True):
        height, width = job.out_size
        plane = job.first_in % group_channels * planes.count // group_channels
        factor = 1 if job.scaled else planes.factors[plane]
        total[:, job.out_row:job.out_row + height, job.out_column:job.out_column + width,
              job.first_out:job.first_out + job.no] += factor * part
    return total


def _product(graph: Graph, name: str) -> Product:
    layer = graph.layer(name)
    assert isinstance(layer, Product)
    return layer
