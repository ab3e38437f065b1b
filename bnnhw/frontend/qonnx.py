"""QONNX models to Graphs: chains of binary matrices, whatever stands between them.

Between two matrices, any chain of nodes that treats each channel for itself is evaluated at every
attainable sum. If that gives two values, they are a bit, and its threshold is read off; if not,
the model is refused with the node's name. Nothing is approximated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.config.names import check_name
from bnnhw.errors import ModelError
from bnnhw.frontend.fold import Certificate, Fold, certify, fold_table
from bnnhw.frontend.imported import Imported
from bnnhw.frontend.onnx_chain import Chain, two_levels
from bnnhw.frontend.onnx_file import load_onnx, node_label, onnx_module, tensor_array
from bnnhw.frontend.onnx_ops import ELEMENTWISE, FOLDABLE, attributes, evaluate
from bnnhw.frontend.onnx_order import ordered_nodes
from bnnhw.frontend.scores import ScoreFold, fold_scores
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.ir.layers import Affine, ArgMax, Binarize, Dense, Layer, product_sum
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["Imported", "import_qonnx"]


def import_qonnx(path: Path, *, name: str, input_type: str = "uint8",
                 pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True) -> Imported:
    """Import a QONNX (or plain ONNX) file.

    Parameters
    ----------
    path : Path
    name : str
        Of the Graph.
    input_type : str
        ``uint8``: samples are pixels, and the model sees floats between the ends of
        ``pixel_range``. ``bits``: samples are bits, and the model sees -1 and +1.
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
        walk.visit(node)
    return walk.finish(name, argmax)


@dataclass
class _Walk:
    """The state of one import: what each tensor is, and the layers so far."""

    model: Any
    input_type: str
    pixel_range: tuple[float, float]
    values: dict[str, np.ndarray | Chain] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.opset = max((o.version for o in self.model.opset_import
                          if o.domain in ("", "ai.onnx")), default=13)
        if self.opset < 9:
            raise ModelError(f"uses operator set {self.opset}, expected 9 or newer", where="model",
                             hint="export the model again")
        for tensor in graph.initializer:
            self.values[tensor.name] = tensor_array(tensor, "model")
        inputs = [i for i in graph.input if i.name not in self.values]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ModelError(f"has {len(inputs)} inputs and {len(graph.output)} outputs, expected "
                             "one of each", where="model")
        self.input = self._input_chain(inputs[0])
        self.values[inputs[0].name] = self.input

    def _input_chain(self, info: Any) -> Chain:
        dims = [int(d.dim_value) for d in info.type.tensor_type.shape.dim]
        if info.type.tensor_type.elem_type != onnx_module().TensorProto.FLOAT:
            raise ModelError("is not float32", where=f"input '{info.name}'",
                             hint="export the model in float32")
        if len(dims) < 2 or dims[0] > 1 or any(d < 1 for d in dims[1:]):
            raise ModelError(f"has shape {dims}, expected [1, ...] with known sizes",
                             where=f"input '{info.name}'", hint="export with a batch of one")
        size = int(np.prod(dims, dtype=object))
        if size > MAX_ELEMENTS:
            raise ModelError(f"has {size} elements, at most {MAX_ELEMENTS} are taken",
                             where=f"input '{info.name}'")
        if self.input_type == "bits":
            points = np.array([-1.0, 1.0], dtype=np.float32)
        else:
            lo, hi = self.pixel_range
            steps = np.arange(256, dtype=np.float32) / np.float32(255)
            points = np.float32(lo) + steps * np.float32(hi - lo)
        return Chain(None, points[:, None], (1, *dims[1:]), self.opset)

    def visit(self, node: Any) -> None:
        label = node_label(node)
        for source in node.input:
            if source and source not in self.values:
                raise ModelError(f"reads '{source}', a second output that is not taken",
                                 where=label)
        inputs = [self.values[s] if s else None for s in node.input]
        chains = [v for v in inputs if isinstance(v, Chain)]
        if not chains:
            if node.op_type not in FOLDABLE:
                raise ModelError("works on constants in a way that is not taken", where=label)
            arrays = [v for v in inputs if v is None or isinstance(v, np.ndarray)]
            self.values[node.output[0]] = self._constant(node, arrays)
        elif node.op_type == "Shape":
            self.values[node.output[0]] = np.array(chains[0].shape, dtype=np.int64)
        elif len(chains) > 1:
            raise ModelError("joins two branches, which is not taken so far", where=label,
                             hint="only chains of layers are imported")
        elif node.op_type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
            self.values[node.output[0]] = self._reshape(node, chains[0], inputs)
        elif node.op_type in ("MatMul", "Gemm"):
            self.values[node.output[0]] = self._matrix(node, inputs)
        elif node.op_type in ELEMENTWISE:
            self.values[node.output[0]] = chains[0].extended(node, inputs)
        else:
            raise ModelError("is not taken", where=label, hint="expected MatMul or Gemm with "
                             "binary weights, and elementwise nodes or BatchNormalization between")

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
        return evaluate(node, inputs, self.opset)

    def _reshape(self, node: Any, chain: Chain, inputs: list[Any]) -> Chain:
        like = np.empty(chain.shape, dtype=np.bool_)  # only its shape is used
        arrays = [like if isinstance(v, Chain) else v for v in inputs]
        return chain.reshaped(evaluate(node, arrays, self.opset).shape, node_label(node))

    def _matrix(self, node: Any, inputs: list[Any]) -> Chain:
        """A MatMul or Gemm: close the chain in front of it into bits, and start a new one."""
        label = node_label(node)
        options = attributes(node) if node.op_type == "Gemm" else {}
        chain, matrix = inputs[0], inputs[1]
        if not isinstance(chain, Chain) or not isinstance(matrix, np.ndarray):
            raise ModelError("expected the activations first and constant weights second",
                             where=label)
        if options.get("transA"):
            raise ModelError("transposes its activations (transA), which is not taken", where=label)
        if matrix.dtype != np.float32:
            raise ModelError(f"has weights of type {matrix.dtype}, expected float32", where=label)
        weights = matrix if options.get("transB") else matrix.T
        if weights.ndim != 2 or weights.shape[1] != int(np.prod(chain.shape)) or \
                chain.shape[:-1] != (1,) * (len(chain.shape) - 1):
            raise ModelError(f"multiplies a tensor of shape {list(chain.shape)} by a matrix of "
                             f"shape {list(matrix.shape)}", where=label,
                             hint="flatten the activations first")
        if chain.layer is not (self.layers[-1] if self.layers else None):
            raise ModelError("reads activations that another matrix reads too, which is not taken",
                             where=label, hint="only chains of layers are imported")
        source, type_, levels = self._close(chain, label)
        bits, scales = _binary_weights(weights, label)
        coefficients, const = product_sum(bits, type_.element)
        layer = Dense(self._name(node), source, type_, bits[None], coefficients, const, None)
        self.layers.append(layer)
        return Chain.of_matrix(layer, bits, scales, levels, self.opset, node, inputs, options)

    def _close(self, chain: Chain, label: str) -> tuple[str, TensorType, tuple[float, float]]:
        """Turn a chain into bits: the layer that gives them, their type and their two values."""
        table, ties = chain.evaluate(np.float32)
        levels, bits = two_levels(table, label, chain.last_label)
        unipolar = levels[0] != -levels[1]
        if chain.layer is None:
            return self._close_input(chain, bits, levels, unipolar, label)
        assert chain.layer is self.layers[-1]
        fold = fold_table(bits, chain.layer.name)
        self._certify(chain, fold, ties, levels)
        self.layers[-1] = Dense(
            chain.layer.name, chain.layer.source, chain.layer.input,
            fold.apply(chain.layer.weights[0])[None], (1,),
            np.zeros(chain.layer.outputs, dtype=np.int64), fold.thresholds[:, None], unipolar)
        return chain.layer.name, self.layers[-1].out_type(), levels

    def _close_input(self, chain: Chain, bits: np.ndarray, levels: tuple[float, float],
                     unipolar: bool, label: str) -> tuple[str, TensorType, tuple[float, float]]:
        if (bits != bits[:, :1]).any():
            raise ModelError("the input is binarised differently for each element, which is not "
                             "taken", where=label, hint="use one threshold for all of the input")
        size = int(np.prod(chain.shape))
        fold = fold_table(bits[:, :1], "input")
        if fold.constant[0]:
            raise ModelError(
                f"the input always binarises to {levels[int(bits[0, 0])]:g}", where=label,
                hint="say what the model sees with --pixel-range LO HI, or use --input bits")
        if fold.complemented[0]:
            levels = (levels[1], levels[0])
        if self.input_type == "bits":
            return "input", TensorType((size,), Bits(unipolar)), levels
        pixels = Binarize("pixels", "input", TensorType((size,), Int(0, 255)),
                          int(np.argmax(bits[:, 0] != fold.complemented[0])), unipolar)
        self.layers.append(pixels)
        self.certificates.append(Certificate("pixels", "the model's own nodes, at all pixels", 1,
                                             256, int(fold.complemented[0])))
        return "pixels", pixels.out_type(), levels

    def _certify(self, chain: Chain, fold: Fold, ties: int, levels: tuple[float, float]) -> None:
        assert chain.layer is not None
        name = chain.layer.name

        def table_fold(table: np.ndarray) -> Fold:
            return fold_table(table > (levels[0] + levels[1]) / 2, name)

        order = np.zeros(len(fold.thresholds), dtype=bool)
        for shift in chain.rounding_shifts():
            order |= fold.differs(table_fold(chain.evaluate(np.float32, shift)[0]))
        rounding = fold.differs(table_fold(chain.evaluate(np.float64)[0]))
        self.certificates.append(certify(
            name, "the model's own nodes, float32, at all sums", fold, len(chain.points), ties,
            rounding, order))

    def _name(self, node: Any) -> str:
        name = re.sub(r"[^A-Za-z0-9]+", "_", node.name or node.output[0]).strip("_")[:28]
        if not name[:1].isalpha():
            name = f"{node.op_type.lower()}_{name}".strip("_")
        try:
            check_name(name)
        except ValueError:
            name = node.op_type.lower()
        taken = {"input", "label", *(layer.name for layer in self.layers)}
        return next(n for n in (name, *(f"{name}_{k}" for k in range(2, 1 << 20)))
                    if n not in taken)

    def finish(self, name: str, argmax: bool) -> Imported:
        output = self.model.graph.output[0].name
        chain = self.values.get(output)
        if not isinstance(chain, Chain) or chain.layer is None:
            raise ModelError("is no function of a binary matrix", where=f"output '{output}'")
        table, _ = chain.evaluate(np.float32)
        layer = chain.layer
        scores: ScoreFold | None = None
        if chain.quantised and len(np.unique(table)) <= 2:
            self._close(chain, f"output '{output}'")
            outputs = [("bits", layer.name)]
        else:
            p = np.arange(layer.fan_in + 1, dtype=np.int64)[:, None]
            acc = layer.coefficients[0] * p + layer.const
            scores = replace(fold_scores(acc, table, chain.last_label),
                             exact_sums=chain.error is None)
            if not scores.identity:
                self.layers.append(Affine(f"{layer.name}_affine", layer.name,
                                          layer.out_type(), scores.scale, scores.offset))
            outputs = [("scores", self.layers[-1].name)]
            if argmax:
                last = self.layers[-1]
                self.layers.append(ArgMax("label", last.name, last.out_type()))
                outputs.append(("label", "label"))
        first = self.layers[0]
        return Imported(Graph(name, first.input, tuple(self.layers), tuple(outputs)),
                        tuple(self.certificates), scores)


def _binary_weights(weights: np.ndarray, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Split a matrix [out, in] into bits and the magnitude of each row."""
    scales = np.abs(weights[:, 0])
    if not (np.abs(weights) == scales[:, None]).all() or not (scales > 0).all():
        count = len(np.unique(np.abs(weights)))
        raise ModelError(f"the weights have {count} different magnitudes, expected +s and -s in "
                         "each row", where=label,
                         hint="binarise them with BipolarQuant before the export")
    return (weights > 0).astype(np.uint8), scales
