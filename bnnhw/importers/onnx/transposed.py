"""Translates ConvTranspose nodes into transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.gates import without_base
from bnnhw.importers.onnx.integer_weights import integer_weights
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import as_map, check_size
from bnnhw.importers.onnx.model_file import Attributes, attributes, node_label
from bnnhw.importers.onnx.product_nodes import product_chain, product_fields, with_bias
from bnnhw.importers.onnx.product_sums import product_sums
from bnnhw.importers.onnx.window import MAX_SIZE
from bnnhw.ir import Spread
from bnnhw.layers import ConvTranspose

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["conv_transpose"]


def conv_transpose(layers: LayerList, node: NodeProto, chain: Chain, inputs: Sequence[object],
                   scales: np.ndarray | None = None) -> Chain:
    """Translate ConvTranspose of one or two axes, without groups and dilation.

    The parameters are those of ``product_nodes.matrix``.
    """
    label, options = node_label(node), attributes(node)
    weights = inputs[1] if len(inputs) > 1 else None
    if not isinstance(weights, np.ndarray) or weights.ndim not in (3, 4) or not weights.size:
        raise ModelError("expected constant weights [in, out, rows, columns] or [in, out, taps]",
                         where=label)
    if int(options.get("group", 1)) != 1 or any(d != 1 for d in options.get("dilations", [])):
        raise ModelError("has groups or a dilation, which is not supported for transposed "
                         "convolutions", where=label, hint="train without them")
    chain = as_map(layers, chain, label)
    depth, outputs, *kernel = weights.shape
    if depth != chain.channels or len(chain.type.shape) != len(kernel) + 1:
        raise ModelError(f"has weights {list(weights.shape)} for {chain.type}", where=label)
    spread = _spread(options, chain, kernel, label)
    size = spread.out_size(*chain.type.map[:2])
    if min(size) < 1:
        raise ModelError(f"has the output size {list(size)}, expected at least one pixel",
                         where=label)
    check_size((*size, outputs), label)
    check_size((*size, spread.taps * depth), label)
    if not chain.bipolar:
        chain = without_base(layers, chain, label)
    elif chain.base.any():
        raise ModelError("inserts zeros between two values that are not -s and +s", where=label,
                         hint="train with BipolarQuant before it")
    # Columns are (ky, kx, c), c fastest.
    rows, steps = (None if a is None else np.moveaxis(a, 0, -1).reshape(outputs, -1)
                   for a in (weights, scales))
    assert rows is not None
    columns = np.arange(rows.shape[1])[None] % depth
    zeros = None if chain.bipolar else np.zeros(chain.channels, dtype=np.int64)
    found = product_sums(chain, integer_weights(rows, steps, label), columns, label, zeros,
                         chain.bipolar)
    layer = ConvTranspose(layers.node_name(node), chain.source, chain.type,
                          **product_fields(found, chain), spread=spread)
    return with_bias(product_chain(layers, layer, found, chain), node, inputs, {})


def _spread(options: Attributes, chain: Chain, kernel: list[int], label: str) -> Spread:
    """Read kernel, strides, pads and output padding."""
    axes = len(kernel)
    strides = _numbers(options, "strides", axes, 1, label)
    more = _numbers(options, "output_padding", axes, 0, label)
    pads = _numbers(options, "pads", 2 * axes, 0, label)
    size = chain.type.shape[:axes]
    mode = options.get("auto_pad", "NOTSET")
    wanted = options.get("output_shape")
    if mode not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise ModelError(f"has auto_pad = {mode}, expected NOTSET, VALID or SAME", where=label)
    if wanted is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(size, strides, strict=True)]
    if wanted is not None:
        total = [s * (n - 1) + m + k - int(w) for s, n, m, k, w in
                 zip(strides, size, more, kernel, list(wanted)[-axes:], strict=True)]
        if min(total) < 0:
            raise ModelError(f"has the output shape {list(wanted)}, which needs negative pads",
                             where=label, hint="use output_padding")
        less = [t // 2 for t in total]
        last = [t - t // 2 for t in total]
        pads = [*less, *last] if mode == "SAME_UPPER" else [*last, *less]
    for k, taps in enumerate(kernel):
        if max(pads[k], pads[axes + k]) >= taps or more[k] >= max(strides[k], 1):
            raise ModelError(f"has pads {pads} and output_padding {more} for a kernel {kernel} and "
                             f"strides {strides}, expected pads less than the kernel and "
                             "output_padding less than the stride", where=label)
    if axes == 1:
        return Spread((kernel[0], 1), (strides[0], 1), (pads[0], 0, pads[1], 0), (more[0], 0))
    return Spread((kernel[0], kernel[1]), (strides[0], strides[1]),
                  (pads[0], pads[1], pads[2], pads[3]), (more[0], more[1]))


def _numbers(options: Attributes, what: str, count: int, least: int, label: str) -> list[int]:
    values = options.get(what)
    numbers = [least] * count if values is None else [int(v) for v in values]
    if len(numbers) != count or not all(least <= n <= MAX_SIZE for n in numbers):
        raise ModelError(f"has {what} {numbers}, expected {count} numbers of {least} to "
                         f"{MAX_SIZE}", where=label)
    return numbers
