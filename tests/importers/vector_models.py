"""Builds small QONNX models of vectors node by node, and runs them in the package qonnx."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Builder", "execute"]

DOMAIN = "qonnx.custom_op.general"


class Builder:
    """Appends nodes to a model; ``current`` is the name of the last tensor."""

    def __init__(self, shape: Sequence[int], seed: int = 0) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.random = np.random.default_rng(seed)
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
        self.current = "x"
        self.channels = int(np.prod(shape))

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        """Add an initialiser and return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def add(self, op: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"{op}_{len(self.nodes)}",
                                           domain=domain, **attributes))
        return out

    def then(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> Builder:
        self.current = self.add(op, [self.current, *inputs], domain, **attributes)
        return self

    def bipolar(self, scale: float = 1.0) -> Builder:
        return self.then("BipolarQuant", self.constant(scale), domain=DOMAIN)

    def quant(self, scale: float, zero: float, bits: float = 1, signed: int = 0,
              narrow: int = 0) -> Builder:
        return self.then("Quant", self.constant(scale), self.constant(zero), self.constant(bits),
                         domain=DOMAIN, signed=signed, narrow=narrow, rounding_mode="ROUND")

    def weights(self, outputs: int, scale: float = 1.0, transposed: bool = False) -> str:
        shape = (outputs, self.channels) if transposed else (self.channels, outputs)
        real = self.constant(self.random.normal(size=shape))
        return self.add("BipolarQuant", [real, self.constant(scale)], DOMAIN)

    def matmul(self, outputs: int, scale: float = 1.0) -> Builder:
        self.then("MatMul", self.weights(outputs, scale))
        self.channels = outputs
        return self

    def gemm(self, outputs: int, bias: bool = True, **attributes: Any) -> Builder:
        inputs = [self.weights(outputs, transposed=True)]
        if bias:
            inputs.append(self.constant(self.random.normal(0, 3, outputs)))
        self.then("Gemm", *inputs, transB=1, **attributes)
        self.channels = outputs
        return self

    def batch_norm(self, gamma: Sequence[float] | None = None) -> Builder:
        n, random = self.channels, self.random
        values = random.normal(0, 1, n) if gamma is None else np.resize(gamma, n)
        return self.then("BatchNormalization", self.constant(values),
                         self.constant(random.normal(0, 1, n)),
                         self.constant(random.normal(0, 2, n)),
                         self.constant(random.uniform(0.5, 30, n)), epsilon=1e-5)

    def model(self) -> Any:
        output = helper.make_tensor_value_info(self.current, TensorProto.FLOAT, [1, self.channels])
        graph = helper.make_graph(self.nodes, "net", [self.input], [output], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13),
                                                       helper.make_opsetid(DOMAIN, 1)])

    def save(self, folder: Path) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.model().SerializeToString())
        return path


def execute(path: Path, x: np.ndarray) -> np.ndarray:
    """Run a model on samples [n, ...] at once, with the package qonnx."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = onnx.load_model_from_string(path.read_bytes())
    constants = {t.name for t in model.graph.initializer}
    name = next(i.name for i in model.graph.input if i.name not in constants)
    for info in [i for i in model.graph.input if i.name == name] + list(model.graph.output):
        info.type.tensor_type.shape.dim[0].dim_value = len(x)
    wrapper = ModelWrapper(model).transform(InferShapes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shapes after a dynamic Reshape are not inferred
        result = execute_onnx(wrapper, {name: x.astype(np.float32)})
    return np.asarray(result[model.graph.output[0].name])
