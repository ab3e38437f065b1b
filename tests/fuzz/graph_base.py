"""Builds one random ONNX graph: nodes, constants, and the random choices."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["CHANNELS_LAST", "DOMAIN", "GraphBase"]

DOMAIN = "qonnx.custom_op.general"
CHANNELS_LAST = "qonnx.custom_op.channels_last"
OPSETS = (12, 13, 17, 20)

OPERATORS = frozenset({"BipolarQuant", "DebugMarker", "IntQuant", "MultiThreshold", "Quant",
                       "Trunc"})
"""Operators of the domain of QONNX."""


class GraphBase:
    """Nodes and constants of one graph; one seed determines all random choices.

    Constants are sums of a few powers of two, so that float32 sums are exact in any order and two
    executions have to agree bit by bit; ``exact=False`` draws real numbers.

    Parameters
    ----------
    seed : int
    exact : bool

    Attributes
    ----------
    input_type : str
        What a sample is: ``bits``, ``uint8`` or ``int8``.
    channels : int
        Of the current tensor.
    size : tuple of int
        Rows and columns of the current tensor, or rows of a signal; empty for vectors.
    current : str
        Name of the last tensor.
    last : bool
        Whether the channels are the last axis of the input.
    version : int
        Of the operators of QONNX.
    """

    version = 1

    def __init__(self, seed: int, exact: bool = True) -> None:
        self.random = np.random.default_rng(seed)
        self.exact = exact
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.opset = int(self.random.choice(OPSETS))
        self.input_type = str(self.random.choice(["bits", "bits", "uint8", "int8"]))
        kind = self.random.integers(0, 4)
        self.channels = int(self.random.integers(1, 5))
        self.size: tuple[int, ...] = ()
        if kind >= 2:
            self.size = tuple(int(n) for n in self.random.integers(3, 8, 2))
        elif kind == 1:
            self.size = (int(self.random.integers(4, 12)),)
        else:
            self.channels = int(self.random.integers(2, 16))
        self.last = bool(self.size) and self.random.random() < 0.25
        shape = [1, *self.size, self.channels] if self.last else [1, self.channels, *self.size]
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        self.current = "x"
        self.bits = self.input_type == "bits"

    def pick(self, *options: Any) -> Any:
        return options[int(self.random.integers(0, len(options)))]

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        domain = DOMAIN if op in OPERATORS else ""
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"{op}_{out}",
                                           domain=domain, **attributes))
        return out

    def then(self, op: str, *inputs: str, **attributes: Any) -> None:
        self.current = self.node(op, self.current, *inputs, **attributes)

    def numbers(self, *shape: int, spread: int = 2) -> np.ndarray:
        """Draw multiples of a quarter, or real numbers."""
        if self.exact:
            return self.random.integers(-4 * spread, 4 * spread + 1, shape) / 4 + 0.125
        return self.random.normal(0, spread, shape)

    def scale(self) -> float:
        return float(self.pick(0.25, 0.5, 1.0, 2.0) if self.exact
                     else self.random.uniform(0.05, 3.0))

    def per_channel(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, *[1] * len(self.size))

    def model(self) -> Any:
        output = onnx.ValueInfoProto(name=self.current)
        graph = helper.make_graph(self.nodes, "fuzz", [self.input], [output], self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, self.version),
            helper.make_opsetid(CHANNELS_LAST, 1)])
