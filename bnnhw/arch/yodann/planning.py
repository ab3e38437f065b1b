"""Plans the jobs of each layer: channel blocks, row tiles with halo, and the fastest layout."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.layout import Layout, layout_of
from bnnhw.arch.yodann.model import LayerPlan, YodannPlan
from bnnhw.arch.yodann.planes import channel_planes, unsupported
from bnnhw.errors import PlanError
from bnnhw.families import Device
from bnnhw.ir import Graph
from bnnhw.layers import Affine, Product
from bnnhw.plan import Goal
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["core_shape", "plan", "plan_layer", "scales_of"]

MAX_COLUMNS = 1 << 12
MAX_IMAGES = 1 << 12
MAX_JOBS = 1 << 16
SIZES = ("ni", "no", "kernel", "bits", "frac", "depth", "bank", "acc", "batch")


def plan(graph: Graph, device: Device, goal: Goal, core: str | None = None) -> YodannPlan:
    """Plan a network on one core: product layers on the core, all others on the host.

    Parameters
    ----------
    graph : Graph
        The network after the passes.
    device : Device
    goal : Goal
        Must not ask for a number of cycles or frames, which the size of the core decides.
    core : str or None
        Sizes of the core and frames per batch, as ``core_shape`` reads them.

    Raises
    ------
    PlanError
        A layer does not fit the core, or the goal or a size is impossible.
    """
    if (goal.target_cycles, goal.fps) != (None, None):
        raise PlanError("architecture 'yodann' cannot plan for cycles per frame or frames per "
                        "second: the size of its core decides both",
                        hint="choose the size with the option 'core', such as "
                        "ni=16,no=16,kernel=5")
    shape, batch = core_shape(core, device)
    layers: list[LayerPlan] = []
    for layer in graph.layers:
        if isinstance(layer, Product):
            layers.append(plan_layer(graph, layer, shape, batch))
    if not layers:
        raise PlanError("the network has no layer that the core could run",
                        where=f"network '{graph.name}'", hint="the core runs 'conv' and 'dense'")
    done = {planned.layer for planned in layers} | {planned.fused for planned in layers}
    host = tuple((layer.name, layer.kind) for layer in graph.layers if layer.name not in done)
    return YodannPlan(graph.name, "yodann", device.name, shape, batch, tuple(layers), host)


def core_shape(text: str | None, device: Device) -> tuple[CoreShape, int]:
    """Read the sizes of a core, such as ``ni=16,no=16``; returns its shape and frames per batch.

    On standard cells the memories are latches and the adders are cells of the library; elsewhere
    the memories are registers and the adders are expressions.

    Raises
    ------
    PlanError
        The text is malformed, or a size is out of range.
    """
    sizes: dict[str, int] = {}
    for item in (text or "").split(","):
        name, _, value = item.strip().partition("=")
        if not name:
            continue
        if name not in SIZES or not value.isascii() or not value.isdigit() or name in sizes:
            raise PlanError(f"the core has '{item.strip()}', expected NAME=NUMBER once each",
                            where="option 'core'", hint=f"names are {', '.join(SIZES)}")
        sizes[name] = int(value)
    batch = sizes.pop("batch", 1)
    if not 1 <= batch <= MAX_IMAGES:
        raise PlanError(f"batch={batch} must be 1..{MAX_IMAGES}", where="option 'core'")
    cells = device.memory.latches
    try:
        return CoreShape(**sizes, storage="latch" if cells else "flop", cells=cells), batch
    except ValueError as error:
        raise PlanError(str(error), where="option 'core'") from None


def plan_layer(graph: Graph, layer: Product, shape: CoreShape, batch: int = 1) -> LayerPlan:
    """Plan the jobs of a layer in the layout with the minimum of cycles."""
    layouts = layout_of(layer, shape)
    scales = scales_of(graph, layer, shape)
    options = [_jobs(layer, layout, shape, batch, scales is not None and
                     layout.channels // layout.groups <= _block(layout, shape))
               for layout in layouts]
    best = min(options, key=lambda option: option.cycles(shape))
    if best.jobs[0].scaled:
        reader = graph.readers(layer.name)[0]
        return dataclasses.replace(best, fused=reader.name)
    return best


def scales_of(graph: Graph, layer: Product, shape: CoreShape) -> np.ndarray | None:
    """Alpha and beta ``[out, 2]`` of a subsequent ``affine`` that the core can compute; or None.

    The ``affine`` must be the only reader of the layer, shift by ``frac``, have offsets that are
    multiples of ``2**frac``, and have results of at most ``bits`` bits, so that nothing saturates.
    """
    readers = graph.readers(layer.name)
    if layer.thresholds is not None or len(readers) != 1 or layer.border() is not None or \
            layer.name in [source for _, source in graph.outputs]:
        return None
    affine = readers[0]
    if not isinstance(affine, Affine) or affine.shift != shape.frac or \
            affine.limits is not None or shape.acc is not None:
        return None
    planes = channel_planes(layer, shape.bits)
    if len(set(planes.factors)) > 1:
        return None
    alpha = affine.scale * planes.unit * planes.factors[0]
    if (alpha % planes.divisor).any():
        return None
    alpha = alpha // planes.divisor
    offset = affine.scale * planes.const() + affine.offset
    limit, element = 1 << (shape.bits - 1), affine.out_type().element
    fits = [-limit <= int(v.min()) and int(v.max()) < limit for v in
            (alpha, offset >> shape.frac)]
    if not all(fits) or (offset % (1 << shape.frac)).any() or element.lo < -limit or \
            element.hi >= limit:
        return None
    return np.stack([alpha, offset >> shape.frac], axis=1)


def _block(layout: Layout, shape: CoreShape) -> int:
    """Largest number of input channels of a job: the column memory must hold a kernel's rows."""
    rows = min(layout.kernel[0], layout.height)
    return min(shape.ni, shape.depth // rows)


def _even(total: int, limit: int) -> list[tuple[int, int]]:
    """Split into as few equal parts of at most ``limit`` as possible, as (first, count) pairs."""
    parts = -(-total // limit)
    ends = [total * k // parts for k in range(parts + 1)]
    return [(a, b - a) for a, b in itertools.pairwise(ends)]


def _tiles(size: int, kernel: int, before: int, after: int,
           limit: int) -> list[tuple[int, int, int, int, int]]:
    """Cut rows into tiles with a halo: first row, rows, zeros before and after, first output.

    ``limit``, the largest number of rows of a tile, is at least the kernel, or all rows.
    """
    assert limit >= min(kernel, size)
    tiles, out, outputs = [], 0, size + before + after - kernel + 1
    while out < outputs:
        first, zeros = max(0, out - before), max(0, before - out)
        rows = min(limit, size - first)
        end = after if first + rows == size else 0
        tiles.append((first, rows, zeros, end, out))
        out += rows + zeros + end - kernel + 1
    return tiles


def _jobs(layer: Product, layout: Layout, shape: CoreShape, batch: int, scaled: bool) -> LayerPlan:
    jobs: list[Job] = []
    (kh, kw), (top, left, bottom, right) = layout.kernel, layout.pads
    group_channels, rows = layout.channels // layout.groups, layout.outputs // layout.groups
    images = batch * layout.phases
    if images > MAX_IMAGES or images * layout.width > 1 << 24:
        raise unsupported(layer, f"{images} images of {layout.width} columns are too many for one "
                          "job", "use a smaller batch, `core=batch=1`")
    lanes = shape.lanes(shape.mode(layout.kernel))
    planes = channel_planes(layer, shape.bits)
    blocks = [(start + first, ni) for start, count in planes.runs(group_channels // planes.count)
              for first, ni in _even(count, _block(layout, shape))]
    for group in range(layout.groups):
        for first_out, no in _even(rows, shape.no * lanes):
            for first_in, ni in blocks:
                tiles = [(down, across)
                         for down in _tiles(layout.height, kh, top, bottom, shape.depth // ni)
                         for across in _tiles(layout.width, kw, left, right, MAX_COLUMNS)]
                if len(jobs) + len(tiles) > MAX_JOBS:
                    raise unsupported(layer, f"it takes more than {MAX_JOBS} jobs",
                                      "use `arch=streaming`, or a larger core")
                jobs += [Job(layer.name, (kh, kw), group * group_channels + first_in, ni,
                             group * rows + first_out, no, y[0], x[0], y[1], x[1], y[4], x[4],
                             (y[2], x[2], y[3], x[3]), images, k == 0, scaled)
                         for k, (y, x) in enumerate(tiles)]
    return LayerPlan(layer.name, layout, tuple(jobs))
