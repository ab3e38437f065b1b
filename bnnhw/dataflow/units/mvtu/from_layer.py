"""Decides the parameters of an MVTU from a product layer, its fold and its memories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bnnhw.dataflow.folding import Fold, Matrix
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.mvtu.constants import start_values
from bnnhw.dataflow.units.mvtu.params import MvtuParams
from bnnhw.dataflow.units.mvtu.planes import row_tops
from bnnhw.families import Device
from bnnhw.golden.layout import beats
from bnnhw.ir import Int
from bnnhw.layers import Product
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["Storage", "mvtu_params", "sketch_mvtu"]


@dataclass(frozen=True)
class Storage:
    """Where the ROMs of one product layer are stored.

    Parameters
    ----------
    weights : str
        ``block``, ``lut``, ``constant`` or ``spram``.
    starts : str
        ``block``, ``lut`` or ``constant``.
    weights_in_luts : int
        Columns of the weight ROM that are in LUTs although the others are in block RAM.
    """

    weights: str
    starts: str
    weights_in_luts: int = 0


def mvtu_params(layer: Product, matrix: Matrix, fold: Fold, i: StreamPlan, device: Device,
                storage: Storage) -> MvtuParams:
    """Decide the widths and memories of a product layer at a given fold.

    Parameters
    ----------
    layer : Product
    matrix : Matrix
        The layer as the fold solver describes it.
    fold : Fold
    i : StreamPlan
        Words of vectors, as the unit reads them; each vector several times if ``i`` has more of
        them than the layer (see ``MvtuShape.repeated``).
    device : Device
    storage : Storage
    """
    threshold = layer.levels == 1
    starts = start_values(layer, threshold, matrix.sf(fold.simd) * fold.simd - matrix.columns)
    most = start_values(layer, threshold, 0) + row_tops(layer)
    width = Int(min(int(starts.min()), -1), max(int(most.max()), 0)).width
    params = sketch_mvtu(layer, matrix, fold, i, device, storage, width, len(starts))
    if device.memory.bank_registers:
        stored = params.replays and not params.holds and params.vector_memory == "block"
        params = replace(params, late_vector=stored and not params.product_register)
        summed = params.weight_latency - 1 + params.pe_params().latency
        if params.start_memory == "block" and summed > 1:
            params = replace(params, start_latency=2)
    return replace(params, queue_depth=params.free_running_depth)


def sketch_mvtu(layer: Product, matrix: Matrix, fold: Fold, i: StreamPlan, device: Device,
                storage: Storage, width: int, classes: int) -> MvtuParams:
    """Describe a product layer closely enough for its cost, without a look at its weights.

    Parameters
    ----------
    layer, matrix, fold, i, device, storage
        As for ``mvtu_params``.
    width : int
        Bits of an accumulator.
    classes : int
        Border classes of positions.
    """
    sf = matrix.sf(fold.simd)
    nf = 1 if matrix.depthwise else beats(matrix.rows, fold.pe)
    matrices = beats(matrix.rows, fold.pe) if matrix.depthwise else layer.groups
    vectors = matrix.vectors * (matrices if matrix.depthwise else 1)
    threshold = layer.levels == 1
    element_width, signed = (1, False) if threshold else (width, True)
    o = StreamPlan(matrix.rows, fold.pe, element_width, signed,
                   matrix.vectors if matrix.depthwise else vectors)
    planes: dict[str, Any] = {} if matrix.form is None else {
        "plane_sources": matrix.form.sources, "coefficients": matrix.form.coefficients,
        "serial_weights": fold.serial_weights}
    params = MvtuParams(
        i, o, rows=matrix.rows, columns=matrix.columns, pe=fold.pe, simd=fold.simd, sf=sf, nf=nf,
        vectors=vectors, matrices=matrices, taps=matrix.taps,
        parallel=matrix.taps > 1 and fold.simd > matrix.channels, bits=matrix.bits,
        serial=fold.serial, own_lanes=matrix.depthwise, acc_width=width, threshold=threshold,
        levels=device.family.target.popcount_levels,
        product_register=storage.weights in ("block", "spram"),
        weight_memory=storage.weights, start_memory=storage.starts, classes=classes,
        vector_memory=device.memory.ram_style(ReplayBuffer.depth(sf), i.bits), queue_depth=3,
        family=device.family.target.name, weights_in_luts=storage.weights_in_luts,
        repeated=nf > 1 and i.words == vectors * sf * nf, **planes)
    if storage.weights != "block" or not device.memory.bank_registers:
        return params
    return replace(params, bank_words=device.memory.bank_words(
        params.weight_words_count, params.weight_width - storage.weights_in_luts))
