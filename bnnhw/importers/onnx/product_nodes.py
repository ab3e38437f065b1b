"""Translates MatMul, Gemm and Conv nodes into dense layers and convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.half_steps import with_pad_value
from bnnhw.importers.onnx.integer_weights import integer_weights
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import (
    as_map,
    as_vector,
    channels_first,
    check_size,
    is_map,
    selection,
)
from bnnhw.importers.onnx.model_file import Attributes, attributes, node_label, onnx_module
from bnnhw.importers.onnx.padding import Padded
from bnnhw.importers.onnx.product_sums import ProductSums, pad_values, product_sums
from bnnhw.importers.onnx.window import node_window
from bnnhw.layers import Conv, Dense, Product
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import split_values

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["conv", "matrix", "product_chain", "product_fields", "with_bias"]


def matrix(layers: LayerList, node: NodeProto, chain: Chain, inputs: Sequence[object],
           scales: np.ndarray | None = None) -> Chain:
    """Translate MatMul or Gemm; a MatMul over the last axis of a map becomes a 1x1 convolution.

    Parameters
    ----------
    layers : LayerList
    node : NodeProto
    chain : Chain
        The activations.
    inputs : sequence
        Of the node: chains, and arrays for constants.
    scales : array or None
        Scale of each weight, where a quantiser computed them.
    """
    label = node_label(node)
    options = attributes(node) if node.op_type == "Gemm" else {}
    values = inputs[1] if len(inputs) > 1 else None
    if not isinstance(values, np.ndarray):
        raise ModelError("expected the activations first and constant weights second", where=label)
    if options.get("transA"):
        raise ModelError("transposes its activations (transA), expected transA = 0", where=label)
    turned = bool(options.get("transB"))
    weights = values if turned else values.T
    if weights.ndim != 2 or weights.shape[1] != chain.shape[-1] or not weights.size:
        raise ModelError(f"multiplies a tensor of shape {list(chain.shape)} by a matrix of shape "
                         f"{list(values.shape)}", where=label,
                         hint="flatten the activations first")
    found = integer_weights(weights, scales if turned or scales is None else scales.T, label)
    columns = np.arange(weights.shape[1])[None]
    if len(chain.type.shape) > 1 and len(chain.shape) > 2 and is_map(chain, -1):
        chain = as_map(layers, chain, label, -1)
        check_size((*chain.type.shape[:-1], len(weights)), label)
        sums = product_sums(chain, found, columns, label, None, False)
        made = product_chain(layers, Conv(layers.node_name(node), chain.source, chain.type,
                                   **product_fields(sums, chain)), sums, chain)
        return replace(made, index=np.moveaxis(made.index, 1, -1))
    chain, order = as_vector(layers, chain, label)
    moved = np.empty_like(found.values)
    moved[:, order] = found.values
    sums = product_sums(chain, replace(found, values=moved), columns, label, None, False)
    made = product_chain(layers, Dense(layers.node_name(node), chain.source, chain.type,
                                **product_fields(sums, chain)), sums, chain)
    made = replace(made, index=made.index.reshape(*chain.shape[:-1], -1))
    return with_bias(made, node, inputs, options)


def conv(layers: LayerList, node: NodeProto, source: Chain | Padded, inputs: Sequence[object],
         scales: np.ndarray | None = None) -> Chain:
    """Translate a Conv of one or two axes, with the padding of a Pad node before it.

    The parameters are those of ``matrix``.
    """
    label, options = node_label(node), attributes(node)
    weights = inputs[1] if len(inputs) > 1 else None
    if not isinstance(weights, np.ndarray) or weights.ndim not in (3, 4) or not weights.size:
        raise ModelError("expected constant weights [out, in, rows, columns] or [out, in, taps]",
                         where=label)
    outer = source.of_window(label) if isinstance(source, Padded) else ()
    before = source.chain if isinstance(source, Padded) else source
    chain = as_map(layers, before, label)
    outputs, depth, *kernel = weights.shape
    groups = int(options.get("group", 1))
    if groups < 1 or depth * groups != chain.channels or outputs % groups:
        raise ModelError(f"has weights {list(weights.shape)} in {groups} groups for "
                         f"{chain.channels} channels", where=label)
    if list(options.get("kernel_shape", kernel)) != list(kernel):
        raise ModelError(f"has kernel_shape {options['kernel_shape']} and weights "
                         f"{list(weights.shape)}", where=label)
    window = node_window(node, chain, kernel, outer)
    value = source.value if isinstance(source, Padded) else np.zeros(before.channels)
    if chain.source != before.source:  # some of the channels, or in another order
        chosen = selection(before, 1)
        if chosen is None and (value != value[0]).any():
            raise ModelError("pads channels with different values after a pixel shuffle, which is "
                             "not supported", where=label, hint="pad with one value")
        value = np.full(chain.channels, value[0]) if chosen is None else value[chosen]
    if window.padded:
        chain = with_pad_value(layers, chain, value)
    pad = pad_values(chain, value, label) if window.padded else None
    absent = window.padded and pad is None
    height, width, _ = chain.type.map
    check_size((*window.out_size(height, width), outputs), label)
    # Columns are (ky, kx, c), c fastest.
    rows, steps = (None if a is None else np.moveaxis(a, 1, -1).reshape(outputs, -1)
                   for a in (weights, scales))
    assert rows is not None
    group = np.arange(outputs)[:, None] // (outputs // groups)
    columns = group * depth + np.arange(rows.shape[1])[None] % depth
    found = product_sums(chain, integer_weights(rows, steps, label),
                         columns if groups > 1 else columns[:1], label, pad, absent)
    stored = np.zeros((1, 1, 1), dtype=np.int64) if pad is None else pad.reshape(1, 1, -1)
    if (stored == stored[..., :1]).all():
        stored = stored[..., :1]
    layer = Conv(layers.node_name(node), chain.source, chain.type, **product_fields(found, chain),
                 window=window, groups_=groups, pad=stored, absent=absent)
    made = product_chain(layers, layer, found, chain)
    return with_bias(made, node, inputs, {})


def product_fields(found: ProductSums, chain: Chain) -> dict[str, Any]:
    """Return the fields of a layer that computes these sums."""
    planes = split_values(found.values)
    scales, coefficients, const = planes_sum(planes, chain.type.element)
    return {"weights": planes.bits, "coefficients": coefficients, "const": const,
            "thresholds": None, "scales": scales, "mask": planes.mask}


def product_chain(layers: LayerList, layer: Product, found: ProductSums, chain: Chain) -> Chain:
    """Add a layer, and return the chain that begins at its sums."""
    type_ = layers.add(layer)
    return Chain(layer.name, type_, channels_first(type_), found.start, found.step, found.count,
                 found.slope, found.base, layers.opset, error=found.error, note=chain.note)


def with_bias(chain: Chain, node: NodeProto, inputs: Sequence[object],
            options: Attributes) -> Chain:
    """Append what a node adds to its products: a factor alpha, and a bias times beta."""
    make, alpha = onnx_module().helper.make_node, float(options.get("alpha", 1.0))
    bias = inputs[2] if len(inputs) > 2 else None
    if alpha != 1:
        extra = make("Mul", ["x", "c"], ["y"], name=node.name)
        chain = chain.extended(extra, [chain, np.array(alpha, dtype=np.float32)])
    if bias is None:
        return chain
    if not isinstance(bias, np.ndarray):
        raise ModelError("adds activations as its bias, expected constants", where=node_label(node))
    if node.op_type in ("Conv", "ConvTranspose"):
        if bias.shape != (chain.channels,):
            raise ModelError(f"has a bias of shape {list(bias.shape)}, expected "
                             f"[{chain.channels}]", where=node_label(node))
        bias = bias.reshape(-1, *[1] * (len(chain.shape) - 2))
    factor = float(options.get("beta", 1.0))
    if factor != 1 and bias.dtype == np.float32:
        bias = np.asarray(bias * np.float32(factor))
    return chain.extended(make("Add", ["x", "c"], ["y"], name=node.name), [chain, bias])
