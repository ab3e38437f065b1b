"""QONNX models to Graphs: binary products, whatever stands between them, and their branches.

Between two layers, any nodes that treat each channel for itself are evaluated at every attainable
sum. If that gives two values, they are a bit, and its threshold is read off; a few values in equal
steps are an integer. Sums that are only scaled and shifted go on as integers. Anything else is
refused with the node's name. Nothing is approximated, but sums of two branches whose scales have
no common unit: their certificate says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.imported import Imported
from bnnhw.frontend.onnx_chain import Chain
from bnnhw.frontend.onnx_constants import ChannelsDiffer
from bnnhw.frontend.onnx_dense import Padded, conv, matrix
from bnnhw.frontend.onnx_file import load_onnx, node_label, tensor_array
from bnnhw.frontend.onnx_fuse import fuse
from bnnhw.frontend.onnx_input import input_chain
from bnnhw.frontend.onnx_join import add, concat
from bnnhw.frontend.onnx_layers import Layers, free_name
from bnnhw.frontend.onnx_layout import flattened
from bnnhw.frontend.onnx_ops import ELEMENTWISE, FOLDABLE, attributes, evaluate
from bnnhw.frontend.onnx_order import ordered_nodes
from bnnhw.frontend.onnx_outputs import add_output
from bnnhw.frontend.onnx_pad import padded
from bnnhw.frontend.onnx_pool import average_pool, global_average, max_pool, resize
from bnnhw.frontend.onnx_stored import stored
from bnnhw.ir import Graph

__all__ = ["Imported", "import_qonnx"]

MOVES = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather"})
"""Nodes that change where elements are, and nothing else."""


def import_qonnx(path: Path, *, name: str, input_type: str = "uint8",
                 pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True) -> Imported:
    """Import a QONNX (or plain ONNX) file.

    Samples of a model with convolutions or pools are maps [H, W, C], the channel fastest, however
    the model has its own; samples of other models are vectors in the model's order.

    Parameters
    ----------
    path : Path
    name : str
        Of the Graph.
    input_type : str
        ``uint8``: samples are pixels, and the model sees floats between the ends of
        ``pixel_range``. ``int8``: samples are -128 to 127, and the model sees them times the upper
        end of ``pixel_range`` / 127. ``bits``: samples are bits, and the model sees -1 and +1.
    pixel_range : (float, float)
        What the model sees for pixel 0 and pixel 255.
    argmax : bool
        Add the label behind the scores.

    Raises
    ------
    ModelError
        With the node that cannot be taken, why, and what to change.
    """
    model = load_onnx(path)
    walk = _Walk(model, input_type, pixel_range)
    for node in ordered_nodes(model.graph):
        try:
            walk.visit(node)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise ModelError("has inputs or attributes that its operator does not allow "
                             f"({error})", where=node_label(node)) from error
    return walk.finish(name, argmax)


@dataclass
class _Walk:
    """The state of one import: what each tensor is, and the layers so far."""

    model: Any
    input_type: str
    pixel_range: tuple[float, float]
    values: dict[str, np.ndarray | Chain | Padded] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.model.graph
        opset = max((o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")),
                    default=13)
        if opset < 9:
            raise ModelError(f"uses operator set {opset}, expected 9 or newer", where="model",
                             hint="export the model again")
        self.layers = Layers(opset)
        for tensor in graph.initializer:
            self.values[tensor.name] = tensor_array(tensor, "model")
        inputs = [i for i in graph.input if i.name not in self.values]
        if len(inputs) != 1 or not graph.output:
            raise ModelError(f"has {len(inputs)} inputs and {len(graph.output)} outputs, expected "
                             "one input", where="model")
        self.input = input_chain(graph, inputs[0], self.input_type, self.pixel_range, opset)
        self.values[inputs[0].name] = self.input

    def visit(self, node: Any) -> None:
        """Take a node into the layers, or into what its output is."""
        label = node_label(node)
        for source in node.input:
            if source and source not in self.values:
                raise ModelError(f"reads '{source}', a second output that is not taken",
                                 where=label)
        inputs = [self.values[s] if s else None for s in node.input]
        if not any(isinstance(v, (Chain, Padded)) for v in inputs):
            if node.op_type not in FOLDABLE:
                raise ModelError("works on constants in a way that is not taken", where=label)
            arrays = [v for v in inputs if v is None or isinstance(v, np.ndarray)]
            self.values[node.output[0]] = self._constant(node, arrays)
            return
        if any(isinstance(v, Padded) for v in inputs) and node.op_type not in ("Conv", "Identity"):
            raise ModelError("reads a padded map, which is taken in front of a Conv only",
                             where=label)
        self.values[node.output[0]] = self._take(node, inputs)

    def _take(self, node: Any, inputs: list[Any]) -> np.ndarray | Chain | Padded:
        chains: list[Any] = [v for v in inputs if isinstance(v, (Chain, Padded))]
        if node.op_type == "Shape":
            return np.array(chains[0].shape, dtype=np.int64)
        if len(chains) > 1:
            return self._join(node, len(chains))
        place = next(k for k, v in enumerate(inputs) if v is chains[0])
        takers: dict[str, Callable[[], Chain | Padded]] = {
            "Identity": lambda: chains[0],
            "Conv": lambda: conv(self.layers, node, self._stored(node, place), inputs),
            "MatMul": lambda: matrix(self.layers, node, self._only(node, place), inputs),
            "Gemm": lambda: matrix(self.layers, node, self._only(node, place), inputs),
            "Pad": lambda: padded(node, chains[0], inputs),
            "MaxPool": lambda: max_pool(self.layers, node, chains[0]),
            "AveragePool": lambda: average_pool(self.layers, node, chains[0]),
            "GlobalAveragePool": lambda: global_average(self.layers, node, chains[0], inputs),
            "ReduceMean": lambda: global_average(self.layers, node, chains[0], inputs),
            "Resize": lambda: resize(self.layers, node, chains[0], inputs, self.layers.opset),
            "Upsample": lambda: resize(self.layers, node, chains[0], inputs, self.layers.opset),
        }
        if node.op_type in takers and (place == 0 or node.op_type in ("MatMul", "Gemm")):
            return takers[node.op_type]()
        if node.op_type in MOVES and place == 0:
            return self._moved(node, chains[0], inputs)
        if node.op_type in ELEMENTWISE:
            return self._elementwise(node, chains[0], inputs)
        raise ModelError("is not taken", where=node_label(node), hint="expected MatMul, Gemm or "
                         "Conv with binary weights, pools, and elementwise nodes or "
                         "BatchNormalization between")

    def _stored(self, node: Any, place: int) -> Any:
        """The tensor that a node reads, as integers of a layer; it stays so for other readers."""
        name = node.input[place]
        value = self.values[name]
        if isinstance(value, Padded):
            return replace(value, chain=stored(self.layers, value.chain, node_label(node)))
        assert isinstance(value, Chain)
        self.values[name] = stored(self.layers, value, node_label(node))
        return self.values[name]

    def _only(self, node: Any, place: int) -> Chain:
        if place != 0:
            raise ModelError("expected the activations first and constant weights second",
                             where=node_label(node))
        return self._stored(node, 0)

    def _join(self, node: Any, count: int) -> Chain:
        label = node_label(node)
        if node.op_type not in ("Add", "Sub", "Concat") or count != len(node.input):
            raise ModelError("joins two branches, which is taken for Add, Sub and Concat only",
                             where=label)
        chains = [self._stored(node, k) for k in range(count)]
        if node.op_type == "Concat":
            return concat(self.layers, node, chains, int(attributes(node).get("axis", 1)))
        return add(self.layers, node, chains[0], chains[1])

    def _elementwise(self, node: Any, chain: Chain, inputs: list[Any]) -> Chain:
        try:
            return chain.extended(node, inputs)
        except ChannelsDiffer:
            if len(chain.shape) != 2:
                raise
        flat = flattened(self.layers, chain)
        return flat.extended(node, [flat if v is chain else v for v in inputs])

    def _constant(self, node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
        if node.op_type == "Constant":
            value = attributes(node).get("value")
            if value is None:
                options = attributes(node)
                value = np.asarray(next(iter(options.values()), 0))
                if value.dtype.kind == "f":
                    value = value.astype(np.float32)
            if np.asarray(value).dtype.kind not in "biuf":
                raise ModelError("is not a number", where=node_label(node))
            return np.asarray(value)
        return evaluate(node, inputs, self.layers.opset)

    def _moved(self, node: Any, chain: Chain, inputs: list[Any]) -> Chain:
        """Let the indices of a tensor follow a node that only moves elements."""
        arrays = [chain.index if isinstance(v, Chain) else v for v in inputs]
        index = evaluate(node, arrays, self.layers.opset)
        if index.ndim < 1 or index.size < 1 or index.shape[0] != 1:
            raise ModelError(f"gives a tensor of shape {list(index.shape)}, expected a batch of "
                             "one in front", where=node_label(node))
        if math.prod(index.shape) > math.prod(chain.shape):
            raise ModelError("repeats elements, which is not taken", where=node_label(node))
        return replace(chain, index=index)

    def finish(self, name: str, argmax: bool) -> Imported:
        """End the chains that the model gives out, and make the Graph."""
        outputs: list[tuple[str, str]] = []
        names = [o.name for o in self.model.graph.output]
        for output in names:
            chain = self.values.get(output)
            if not isinstance(chain, Chain):
                raise ModelError("is no function of a binary matrix", where=f"output '{output}'")
            own = None if len(names) == 1 else self._output_name(output, outputs)
            outputs += add_output(self.layers, chain, output, own, argmax)
        layers, certificates, outputs = fuse(self.layers.layers, self.layers.certificates, outputs)
        scores = self.layers.scores[0] if self.layers.scores else None
        return Imported(Graph(name, self.input.type, tuple(layers), tuple(outputs)),
                        tuple(certificates), scores)

    def _output_name(self, output: str, taken: list[tuple[str, str]]) -> str:
        used = {name for pair in taken for name in (pair[0], f"{pair[0]}_label")}
        return free_name(self.layers.name(output, "out"), used)
