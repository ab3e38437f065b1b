"""Lowers product layers: their matrices for the fold solver, and the units of each of them."""

from __future__ import annotations

import math
from dataclasses import replace

from bnnhw.arch.streaming.builder import Builder
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.dataflow.folding import Fold, Matrix
from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import ConverterParams, FifoParams
from bnnhw.dataflow.units.line_window import line_window_params
from bnnhw.dataflow.units.mvtu import (
    form_of,
    is_plain,
    mvtu_params,
    row_tops,
    start_values,
)
from bnnhw.dataflow.units.sliding_window import Pad, pad_words, window_params
from bnnhw.dataflow.units.threshold import threshold_params
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats
from bnnhw.ir import Int
from bnnhw.layers import Conv, Product

__all__ = ["build_product", "check_memory", "matrix_of", "padding_of", "repeats_of",
           "row_groups", "window_of"]

MEMORIES = ("auto", "block", "lut", "constant", "spram")


def _is_depthwise(layer: Product) -> bool:
    """Return whether each output channel depends on a single input channel."""
    return isinstance(layer, Conv) and layer.groups == layer.outputs == layer.input.channels > 1


def matrix_of(layer: Product, input_width: int, hint: LayerHint | None, target: int) -> Matrix:
    """Describe a layer to the fold solver.

    Parameters
    ----------
    layer : Product
    input_width : int
        Bits of an input element of the core, where the layer reads it; otherwise 1.
    hint : LayerHint or None
        Fold that the user specified, or a part of it.
    target : int
        Cycles per frame, for the part of the fold that the user left open.
    """
    sums = _sum_range(layer)
    taps = layer.window.taps if isinstance(layer, Conv) and not layer.window.pointwise else 1
    pixels = math.prod(layer.input.map[:2]) if isinstance(layer, Conv) else 1
    depthwise = _is_depthwise(layer)
    groups = 1 if depthwise else layer.groups
    all_taps = not isinstance(layer, Conv) or (
        (layer.groups == 1 or depthwise) and
        (not layer.window.padded or layer.pad.shape[:2] == (1, 1)))
    matrix = Matrix(
        layer.name, layer.outputs if depthwise else layer.outputs // groups, layer.fan_in,
        (sums.hi - sums.lo).bit_length() + 1, input_width,
        vectors=layer.vector_count * groups, taps=taps, pixels=pixels * groups,
        bits=layer.input.element.width, depthwise=depthwise, all_taps=all_taps,
        sums=layer.thresholds is None, form=None if is_plain(layer) else form_of(layer))
    return replace(matrix, fold=_specified_fold(matrix, hint, target))


def _sum_range(layer: Product) -> Int:
    """Range of the accumulators of an MVTU, without thresholds; includes 0 for padded rows."""
    starts = start_values(layer, False, 0)
    return Int(int(starts.min()), int((starts + row_tops(layer)).max()))


def _specified_fold(matrix: Matrix, hint: LayerHint | None, target: int) -> Fold | None:
    """Return the user's fold; where only PE or SIMD is given, the other one meets the target."""
    if hint is None or (hint.pe is None and hint.simd is None):
        return None
    rows, columns = matrix.rows, matrix.columns
    budget = max(1, target // matrix.vectors)
    if hint.simd is None:
        assert hint.pe is not None
        groups = beats(rows, min(max(hint.pe, 1), rows))
        words = max(1, budget // groups)
        legal = (s for s in range(1, columns + 1) if matrix.legal_simd(s))
        return Fold(hint.pe, next((s for s in legal if matrix.sf(s) <= words), columns))
    if hint.pe is None:
        words = matrix.sf(hint.simd) if matrix.legal_simd(hint.simd) else \
            beats(columns, min(max(hint.simd, 1), columns))
        return Fold(beats(rows, max(1, min(budget // words, rows))), hint.simd)
    return Fold(hint.pe, hint.simd)


def row_groups(layer: Product, matrix: Matrix, fold: Fold) -> int:
    """Return the row groups of all matrices; each takes the words of one vector."""
    return beats(matrix.rows, fold.pe) * (1 if matrix.depthwise else layer.groups)


def check_memory(layer: Product, matrix: Matrix, fold: Fold, hints: Hints) -> str:
    """Return the weight memory that the user specified; raise an error if it is impossible."""
    memory = hints.get(layer.name, LayerHint()).memory
    steps = row_groups(layer, matrix, fold) * matrix.sf(fold.simd) * matrix.weight_words(fold)
    where = f"layer '{layer.name}'"
    if memory not in MEMORIES:
        raise PlanError(f"memory '{memory}' must be one of {', '.join(MEMORIES)}", where=where)
    if memory == "constant" and steps > 1:
        raise PlanError(
            f"constant weights need an unfolded layer, but PE {fold.pe} and SIMD {fold.simd} take "
            f"{steps} cycles", where=where,
            hint=f"use fold {{pe: {matrix.rows}, simd: {layer.fan_in}}} or memory 'lut'")
    if memory == "spram" and steps < 2:
        raise PlanError("weights of an unfolded layer are constants, and cannot be stored in SPRAM",
                        where=where, hint="give it a smaller fold, or leave out memory")
    return memory


def padding_of(layer: Conv, stream: StreamPlan) -> Pad | None:
    """Return the words of a layer's padding on its input stream (see ``pad_words``).

    Raises
    ------
    PlanError
        A period of the padding's pattern is no power of two.
    """
    try:
        return pad_words(layer.pad, layer.input.channels, stream, layer.window)
    except ValueError as error:
        raise PlanError(str(error), where=f"layer '{layer.name}'") from None


def window_of(name: str, layer: Conv, matrix: Matrix, fold: Fold, stream: StreamPlan,
              pad: Pad | None) -> BufferParams[None]:
    """Describe the window unit of a layer, whose depth is open.

    Parameters
    ----------
    name : str
        Name of the unit, for errors.
    layer, matrix, fold
    stream : StreamPlan
        The map, in words of the lanes that the fold wants.
    pad : tuple or None
        See ``padding_of``.
    """
    height, width, _ = layer.input.map
    if fold.simd > matrix.channels or (matrix.depthwise and fold.simd > 1):
        return line_window_params(name, stream, layer.window, (height, width), pad)
    return window_params(stream, layer.window, (height, width), pad, matrix.depthwise,
                         repeats_of(matrix, fold))


def repeats_of(matrix: Matrix, fold: Fold) -> int:
    """How often a window unit emits each vector: once for each row group, or only once.

    Where it emits tap by tap, it reads them again from its lines, so that the MVTU stores none. Bit
    planes are read from a stored vector.
    """
    tap_by_tap = matrix.taps > 1 and fold.simd <= matrix.channels
    again = tap_by_tap and not matrix.depthwise and matrix.steps(fold) == 1
    return beats(matrix.rows, fold.pe) if again else 1


def build_product(b: Builder, layer: Product) -> None:
    """Append a window where the layer has one, the MVTU, and a unit for several thresholds."""
    matrix, fold = b.folds[layer.name]
    storage = b.memories[layer.name]
    across = matrix.rows if matrix.depthwise else matrix.channels
    source, stream = b.want(layer.source, layer.name, across, matrix.lanes_in(fold))
    if matrix.taps > 1 or (isinstance(layer, Conv) and not layer.window.pointwise):
        assert isinstance(layer, Conv)
        pad = padding_of(layer, stream)
        params = window_of(f"{layer.name}_swu", layer, matrix, fold, stream, pad)
        window = b.add(f"{layer.name}_swu", None, (source,), params)
        source, stream = window.name, window.o
    elif b.resolve(layer.source) != "input":
        # Vectors arrive in bursts, of a row or of a frame, and this layer may be busy all the time.
        source = b.add(f"{layer.name}_fifo", None, (source,), FifoParams(stream, stream)).name
    mvtu = mvtu_params(layer, matrix, fold, stream, b.device, storage)
    if layer.levels <= 1:
        b.provide(layer.name, b.add(layer.name, layer.name, (source,), mvtu))
        return
    sums = b.add(f"{layer.name}_sums", layer.name, (source,), mvtu)
    pixel = sums.o
    if pixel.elements != layer.outputs:  # thresholds belong to all channels of a pixel
        pixel = replace(pixel, elements=layer.outputs, groups=pixel.size // layer.outputs)
        if not pixel.same_words(sums.o):
            sums = b.add(f"{layer.name}_sums_dwc", None, (sums.name,),
                         ConverterParams(sums.o, pixel))
    b.provide(layer.name, b.add(layer.name, layer.name, (sums.name,), threshold_params(
        layer, pixel, _sum_range(layer), b.device)))
