"""Translates the nodes of a model one by one, and knows what each tensor of the model is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.branches import add, concat
from bnnhw.importers.onnx.chain import Chain, merge_chains
from bnnhw.importers.onnx.channel_constants import ChannelsDiffer
from bnnhw.importers.onnx.channels_last import is_rewritten, rewrite
from bnnhw.importers.onnx.constant_folding import fold_constant
from bnnhw.importers.onnx.gates import multiply
from bnnhw.importers.onnx.input_layout import MOVES, shape_of
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import flattened
from bnnhw.importers.onnx.model_file import attributes, node_label
from bnnhw.importers.onnx.model_outputs import ModelOutput
from bnnhw.importers.onnx.operators import ELEMENTWISE, PASS_THROUGH, evaluate
from bnnhw.importers.onnx.padding import Padded, padded, through_padding, transposed_padding
from bnnhw.importers.onnx.pooling import average_pool, global_average, max_pool, resize
from bnnhw.importers.onnx.product_nodes import conv, matrix
from bnnhw.importers.onnx.quantised_constants import scale_of_constant
from bnnhw.importers.onnx.rounding import Rounding, with_rounding
from bnnhw.importers.onnx.stored_integers import as_stored
from bnnhw.importers.onnx.tail import TAILS, Tail, end_with, follow_tail
from bnnhw.importers.onnx.transposed import conv_transpose

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Translation", "Value"]

_QCDQ = "export with QuantizeLinear and DequantizeLinear around float operators (QCDQ)"

ADVICE = {"DynamicQuantizeLinear": "its scale depends on the sample, which needs a divider: "
          "use static quantisation",
          **dict.fromkeys(("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"), _QCDQ)}
"""What to use instead of some operators."""

Value = np.ndarray | Chain | Padded | Tail


@dataclass
class Translation:
    """The tensors, layers and outputs of a model while its nodes are translated.

    Attributes
    ----------
    layers : LayerList
    values : dict of str to Value
        Every tensor by name: constants as arrays, activations as chains. Once a layer stores the
        integers of a tensor, the tensor is a chain that begins at that layer.
    scales : dict of str to array
        Scale of each element of constants that a quantiser computed.
    chains : list of (str, Chain)
        The tensors of activations in the order of the model, as their nodes computed them.
    outputs : list of ModelOutput
        The outputs of the model, added after the last node.
    """

    layers: LayerList
    values: dict[str, Value]
    scales: dict[str, np.ndarray] = field(default_factory=dict)
    chains: list[tuple[str, Chain]] = field(default_factory=list)
    outputs: list[ModelOutput] = field(default_factory=list)

    def visit(self, node: NodeProto) -> None:
        """Translate a node: add a layer, or extend the chain that stands for its input.

        Raises
        ------
        ModelError
            The node, or this use of it, is not supported.
        """
        label = node_label(node)
        for source in node.input:
            if source and source not in self.values:
                raise ModelError(f"reads '{source}', a second output that is not supported",
                                 where=label)
        if is_rewritten(node):
            self._rewritten(node)
            return
        inputs = [self.values[s] if s else None for s in node.input]
        arrays = [v for v in inputs if v is None or isinstance(v, np.ndarray)]
        if len(arrays) == len(inputs):
            found = fold_constant(node, arrays, self.layers.opset)
            self.values.update({name: array for name, array in
                                zip(node.output, found, strict=False) if name})
            scale = scale_of_constant(node, arrays, self.scales.get(next(iter(node.input), "")),
                                      found[0], self.layers.opset)
            if scale is not None:
                self.scales[node.output[0]] = scale
            return
        tails = [v for v in inputs if isinstance(v, Tail)]
        if tails or node.op_type in TAILS:
            self._end(node, inputs, tails)
            return
        value = self._activation(node, inputs)
        self.values[node.output[0]] = value
        if isinstance(value, Chain):
            self.chains.append((node.output[0], value))

    def round(self, node: NodeProto, rounding: Rounding) -> None:
        """State how far the framework's result of a node is from the exact one.

        The node has been visited; its result is stored as integers of a layer.
        """
        value, before = self.values[node.output[0]], self.values.get(rounding.input)
        if isinstance(value, Chain):
            chain = as_stored(self.layers, value, node_label(node))
            self.values[node.output[0]] = with_rounding(
                chain, before if isinstance(before, Chain) else None, rounding)

    def _rewritten(self, node: NodeProto) -> None:
        """Translate a node of a map with its channels last, as standard nodes."""
        source = self.values.get(node.input[0]) if node.input else None
        if not isinstance(source, Chain):
            raise ModelError("expected activations as its first input", where=node_label(node))
        parts, count = rewrite(node, len(source.shape)), len(self.chains)
        self.values.update(parts.constants)
        for part in parts.nodes:
            self.visit(part)
        # Only the tensors of the model can be compared with its execution.
        self.chains[count:] = [pair for pair in self.chains[count:] if pair[0] in node.output]

    def _end(self, node: NodeProto, inputs: Sequence[object], tails: list[Tail]) -> None:
        source = inputs[0]
        if not isinstance(source, (Chain, Tail)):
            raise ModelError("reads a classifier's result as another input than its first",
                             where=node_label(node))
        if node.op_type in TAILS:
            self.values.update(end_with(node, source, inputs))
        else:
            self.values[node.output[0]] = follow_tail(node, tails[0])

    def _activation(self, node: NodeProto, inputs: Sequence[object]) -> Value:
        chains: list[Any] = [v for v in inputs if isinstance(v, (Chain, Padded))]
        if any(isinstance(v, Padded) for v in chains):
            return self._after_padding(node, inputs)
        if node.op_type == "Shape":
            return shape_of(node, chains[0].shape)
        if len(chains) > 1:
            return self._join(node, inputs)
        position = next(k for k, v in enumerate(inputs) if v is chains[0])
        makers: dict[str, Callable[[], Value]] = {
            "Conv": lambda: conv(self.layers, node, self._stored(node, position), inputs,
                                 self._weight_scales(node)),
            "ConvTranspose": lambda: conv_transpose(
                self.layers, node, self._stored_chain(node, position), inputs,
                self._weight_scales(node)),
            "MatMul": lambda: matrix(self.layers, node, self._first_only(node, position), inputs,
                                     self._weight_scales(node)),
            "Gemm": lambda: matrix(self.layers, node, self._first_only(node, position), inputs,
                                     self._weight_scales(node)),
            "Pad": lambda: padded(node, chains[0], inputs),
            "MaxPool": lambda: max_pool(self.layers, node, chains[0]),
            "AveragePool": lambda: average_pool(self.layers, node, chains[0]),
            "GlobalAveragePool": lambda: global_average(self.layers, node, chains[0], inputs),
            "ReduceMean": lambda: global_average(self.layers, node, chains[0], inputs),
            "Resize": lambda: resize(self.layers, node, chains[0], inputs, self.layers.opset),
            "Upsample": lambda: resize(self.layers, node, chains[0], inputs, self.layers.opset),
        }
        if node.op_type in ("Identity", "DebugMarker"):
            return chains[0]
        if node.op_type in makers and (position == 0 or node.op_type in ("MatMul", "Gemm")):
            return makers[node.op_type]()
        if node.op_type in MOVES and position == 0:
            return self._moved(node, chains[0], inputs)
        if node.op_type in ELEMENTWISE:
            return self._elementwise(node, chains[0], inputs)
        raise ModelError(f"the operator '{node.op_type}' is not supported on activations",
                         where=node_label(node), hint=ADVICE.get(
                             node.op_type, "use MatMul, Gemm or Conv with quantised weights, "
                             "pools, elementwise nodes, or BatchNormalization"))

    def _after_padding(self, node: NodeProto, inputs: Sequence[object]) -> Value:
        """Translate a node between a Pad node and the convolution that does the padding."""
        source = inputs[0]
        if not isinstance(source, Padded) or any(isinstance(v, (Chain, Padded))
                                                 for v in inputs[1:]):
            raise ModelError("combines a padded map with another tensor, which is not supported",
                             where=node_label(node))
        if node.op_type in PASS_THROUGH:
            return source
        if node.op_type == "Conv":
            return conv(self.layers, node, self._stored(node, 0), inputs,
                        self._weight_scales(node))
        if node.op_type == "Transpose":
            moved = self._moved(node, source.chain, [source.chain, *inputs[1:]])
            return transposed_padding(node, source, moved)
        if node.op_type == "Pad":
            return padded(node, source, inputs)
        if node.op_type in ELEMENTWISE:
            chain = source.chain.extended(node, [source.chain, *inputs[1:]])
            return through_padding(node, source, chain)
        raise ModelError("reads the result of a Pad node, expected a Conv after it",
                         where=node_label(node))

    def _stored(self, node: NodeProto, position: int) -> Chain | Padded:
        """Store the tensor that a node reads as integers of a layer, for all of its readers."""
        name = node.input[position]
        value = self.values[name]
        if isinstance(value, Padded):
            return replace(value, chain=as_stored(self.layers, value.chain, node_label(node)))
        assert isinstance(value, Chain)
        made = as_stored(self.layers, value, node_label(node))
        self.values[name] = made
        return made

    def _stored_chain(self, node: NodeProto, position: int) -> Chain:
        """Store a tensor that is known not to be padded."""
        made = self._stored(node, position)
        assert isinstance(made, Chain)
        return made

    def _weight_scales(self, node: NodeProto) -> np.ndarray | None:
        """Return the scale of each weight of a product, where a quantiser computed them."""
        return self.scales.get(node.input[1]) if len(node.input) > 1 else None

    def _first_only(self, node: NodeProto, position: int) -> Chain:
        if position != 0:
            raise ModelError("expected the activations first and constant weights second",
                             where=node_label(node))
        return self._stored_chain(node, 0)

    def _join(self, node: NodeProto, inputs: Sequence[object]) -> Chain:
        """Combine several tensors of activations: functions of the same integers, or branches."""
        label = node_label(node)
        branches = node.op_type in ("Add", "Sub", "Concat") and all(
            isinstance(v, Chain) and (v.linear or v.quantised) for v in inputs)
        if node.op_type in ELEMENTWISE and not branches:
            made = merge_chains(node, inputs)
            if made is not None:
                return made
        if node.op_type not in ("Add", "Sub", "Mul", "Concat") or \
                not all(isinstance(v, Chain) for v in inputs):
            raise ModelError("combines two branches, which only Add, Sub, Mul and Concat can",
                             where=label)
        chains = [self._stored_chain(node, k) for k in range(len(inputs))]
        if node.op_type == "Mul":
            return multiply(self.layers, node, chains[0], chains[1])
        if node.op_type == "Concat":
            return concat(self.layers, node, chains, int(attributes(node).get("axis", 1)))
        return add(self.layers, node, chains[0], chains[1])

    def _elementwise(self, node: NodeProto, chain: Chain, inputs: Sequence[object]) -> Chain:
        try:
            return chain.extended(node, inputs)
        except ChannelsDiffer:
            if len(chain.shape) != 2:
                raise
        flat = flattened(self.layers, chain)
        return flat.extended(node, [flat if v is chain else v for v in inputs])

    def _moved(self, node: NodeProto, chain: Chain, inputs: Sequence[object]) -> Chain:
        """Apply a node that only moves elements to the indices of a tensor."""
        arrays = [chain.index if isinstance(v, Chain) else None if v is None else np.asarray(v)
                  for v in inputs]
        index = evaluate(node, arrays, self.layers.opset)
        if index.ndim < 1 or index.size < 1 or index.shape[0] != 1:
            raise ModelError(f"has the output shape {list(index.shape)}, expected a batch of "
                             "one as the first axis", where=node_label(node))
        if math.prod(index.shape) > math.prod(chain.shape):
            raise ModelError("repeats elements, which is not supported", where=node_label(node))
        return replace(chain, index=index)
