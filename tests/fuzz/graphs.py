"""Random small ONNX and QONNX graphs of all nodes that the importer supports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["GraphMaker"]

DOMAIN = "qonnx.custom_op.general"
OPSETS = (12, 13, 17, 20)


class GraphMaker:
    """Grows one graph; all choices come from one seed.

    Constants are sums of a few powers of two, so that float32 sums are exact in any order and two
    executions have to agree bit by bit; ``exact=False`` draws real ones.

    Attributes
    ----------
    input_type : str
        What a sample is: ``bits``, ``uint8`` or ``int8``.
    channels : int
    size : tuple of int
        Rows and columns, or rows of a signal; empty for vectors.
    """

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
        if self.last:
            self.to_first()

    # Nodes and constants.

    def pick(self, *options: Any) -> Any:
        return options[int(self.random.integers(0, len(options)))]

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        domain = DOMAIN if op in ("BipolarQuant", "Quant", "MultiThreshold", "DebugMarker") else ""
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"{op}_{out}",
                                           domain=domain, **attributes))
        return out

    def then(self, op: str, *inputs: str, **attributes: Any) -> None:
        self.current = self.node(op, self.current, *inputs, **attributes)

    def numbers(self, *shape: int, spread: int = 2) -> np.ndarray:
        """Multiples of a quarter, or real numbers."""
        if self.exact:
            return self.random.integers(-4 * spread, 4 * spread + 1, shape) / 4 + 0.125
        return self.random.normal(0, spread, shape)

    def scale(self) -> float:
        return float(self.pick(0.25, 0.5, 1.0, 2.0) if self.exact
                     else self.random.uniform(0.05, 3.0))

    def per_channel(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, *[1] * len(self.size))

    # Steps of a network.

    def to_first(self) -> None:
        rank = len(self.size) + 2
        if self.channels == 1 and self.random.random() < 0.5:
            self.then("Reshape", self.constant([1, 1, *self.size], np.int64))
        else:
            self.then("Transpose", perm=[0, rank - 1, *range(1, rank - 1)])

    def weights(self, *shape: int) -> str:
        """Binary weights in one of the forms that frameworks export."""
        real = self.random.normal(size=shape).astype(np.float32)
        rows = (0,) if len(shape) == 2 else tuple(range(1, len(shape)))
        form = self.random.integers(0, 8)
        if form == 0:
            return self.constant(np.sign(real) * self.scale())
        if form == 1:
            return self.node("Sign", self.constant(real))
        if form == 2:
            chosen = self.node("GreaterOrEqual", self.constant(real), self.constant(0.0))
            return self.node("Where", chosen, self.constant(1.0), self.constant(-1.0))
        if form == 3:
            chosen = self.node("Greater", self.constant(real), self.constant(0.0))
            wide = self.node("Cast", chosen, to=TensorProto.FLOAT)
            return self.node("Sub", self.node("Mul", wide, self.constant(2.0)), self.constant(1.0))
        if form == 4 and self.opset < 18:
            size = self.node("ReduceMean", self.node("Abs", self.constant(
                np.round(real * 8) / 8 + 1 / 16 if self.exact else real)), axes=list(rows),
                keepdims=1)
            sign = self.node("Sign", self.constant(real))
            if self.exact:
                size = self.constant(np.full([1 if k in rows else n for k, n in enumerate(shape)],
                                             self.scale()))
            return self.node("Mul", sign, size)
        if form == 5:
            return self.node("Quant", self.constant(real), self.constant(self.scale()),
                             self.constant(0.0), self.constant(1.0, self.pick(
                                 np.float32, np.int64)), signed=1, narrow=self.pick(0, 1),
                             rounding_mode="ROUND")
        return self.node("BipolarQuant", self.constant(real), self.constant(self.scale()))

    def quantise(self) -> None:
        """Bits or a few levels."""
        self.bits = False
        if not self.exact:  # no decision at sums that are 0 but for rounding
            self.then("Add", self.constant(self.per_channel(
                self.random.uniform(0.05, 0.2, self.channels))))
        form = self.random.integers(0, 11)
        if form == 0:
            self.then("BipolarQuant", self.constant(self.scale()))
            self.bits = True
        elif form == 1:
            self.then("Sign")
        elif form == 2:
            chosen = self.node(self.pick("GreaterOrEqual", "Greater"), self.current,
                               self.constant(float(self.numbers(1, spread=2)[0])))
            self.current = self.node("Where", chosen, self.constant(1.0), self.constant(-1.0))
        elif form == 3:
            self.then(self.pick("Less", "LessOrEqual"), self.constant(0.5))
            self.then("Cast", to=TensorProto.FLOAT)
            if self.random.random() < 0.5:
                self.then("Mul", self.constant(2.0))
                self.then("Sub", self.constant(1.0))
        elif form == 4:
            self.then("HardSigmoid", alpha=0.25, beta=0.5)
            self.then("Round")
            self.then("Mul", self.constant(2.0))
            self.then("Sub", self.constant(1.0))
        elif form == 5:
            sign = self.node("Sign", self.current)
            zero = self.node("Equal", sign, self.constant(0.0))
            self.current = self.node("Where", zero, self.constant(1.0), sign)
        elif form == 6:
            levels = np.sort(self.numbers(self.pick(1, self.channels), int(
                self.random.integers(1, 5)), spread=3), axis=1)
            self.then("MultiThreshold", self.constant(levels), out_scale=self.scale(),
                      out_bias=float(self.pick(0.0, -1.0)), out_dtype="INT8", data_layout="NC"
                      if not self.size else "NCHW" if len(self.size) == 2 else "NCW")
        else:
            bits = int(self.random.integers(1, 5))
            self.then("Quant", self.constant(self.scale(), self.pick(np.float32, np.float64)),
                      self.constant(float(self.pick(0, 0, 0, 1)) if bits > 1 else 0.0),
                      self.constant(float(bits)), signed=self.pick(0, 1), narrow=self.pick(0, 1),
                      rounding_mode=self.pick("ROUND", "FLOOR", "CEIL", "HALF_UP", "UP", "DOWN",
                                              "HALF_DOWN"))
        if self.random.random() < 0.05:
            if self.random.random() < 0.5:
                self.then("Identity")
            else:
                self.then("DebugMarker", export_debug_name="seen")

    def function(self) -> None:
        """A function of each element, between sums and a quantiser."""
        n = self.channels
        steps: list[Callable[[], None]] = [
            lambda: self.then("Add", self.constant(self.per_channel(self.numbers(n)))),
            lambda: self.then("Sub", self.constant(float(self.numbers(1)[0]))),
            lambda: self.then("Mul", self.constant(self.per_channel(
                self.random.choice([-1.0, 0.5, 2.0, 1.0], n)))),
            lambda: self.then("Div", self.constant(self.scale())),
            lambda: self.then("Neg"),
            lambda: self.then("Relu"),
            lambda: self.then("LeakyRelu", alpha=0.25),
            lambda: self.then("PRelu", self.constant(self.per_channel(
                self.random.choice([0.25, 0.5, 2.0], n)))),
            lambda: self.then("Clip", self.constant(-3.0), self.constant(4.0)),
            lambda: self.then("Tanh"),
            lambda: self.then("Sigmoid"),
            lambda: self.then("Floor"),
            lambda: self.then("Max", self.constant(-1.0)),
            lambda: self.then("Min", self.constant(2.5)),
            self.swish,
            self.batch_norm, self.batch_norm, self.batch_norm,
        ]
        self.pick(*steps)()

    def swish(self) -> None:
        """x where x > 0, else a part of it: two functions of one tensor."""
        small = self.node("Mul", self.current, self.constant(0.25))
        chosen = self.node("Greater", self.current, self.constant(0.0))
        self.current = self.node("Where", chosen, self.current, small)

    def batch_norm(self) -> None:
        n = self.channels
        gamma = self.random.choice([1.0, -1.0, 0.5, 2.0, 0.0] if self.exact else [0.7, -1.3], n)
        var = self.random.choice([0.25, 1.0, 4.0], n) if self.exact \
            else self.random.uniform(0.3, 5, n)
        self.then("BatchNormalization", self.constant(gamma), self.constant(self.numbers(n)),
                  self.constant(np.round(self.numbers(n))), self.constant(var),
                  epsilon=0.0 if self.exact else 1e-5)

    def product(self) -> None:
        if self.size:
            self.conv()
        elif self.random.random() < 0.5:
            outputs = int(self.random.integers(2, 8))
            self.then("MatMul", self.weights(self.channels, outputs))
            self.channels = outputs
        else:
            outputs = int(self.random.integers(2, 8))
            real = self.weights(outputs, self.channels)
            bias = [self.constant(self.numbers(outputs))] if self.random.random() < 0.6 else []
            self.then("Gemm", real, *bias, transB=1, alpha=float(self.pick(1.0, 0.5)),
                      beta=float(self.pick(1.0, 2.0)))
            self.channels = outputs
        self.bits = False

    def conv(self) -> None:
        axes = len(self.size)
        kernel = [int(self.random.integers(1, 1 + min(3, n))) for n in self.size]
        stride = [int(self.pick(1, 1, 2)) for _ in range(axes)]
        dilation = [int(self.pick(1, 1, 1, 2)) if 2 * k - 1 <= n else 1
                    for k, n in zip(kernel, self.size, strict=True)]
        groups = self.channels if self.random.random() < 0.2 else 1
        outputs = groups * int(self.random.integers(1, 4 if groups == 1 else 2)) + (
            1 if groups == 1 else 0)
        attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": stride,
                                      "dilations": dilation, "group": groups}
        pads = [0] * (2 * axes)
        choice = self.random.random()
        if choice < 0.3:
            pads = [int(self.random.integers(0, 2)) for _ in range(2 * axes)]
            attributes["pads"] = pads
        elif choice < 0.4 and max(dilation) == 1:
            attributes["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
        elif choice < 0.5:
            starts = [int(self.random.integers(0, 2)) for _ in range(axes)]
            ends = [int(self.random.integers(0, 2)) for _ in range(axes)]
            value = self.constant(float(self.pick(0.0, 1.0, -1.0)))
            self.then("Pad", self.constant([0, 0, *starts, 0, 0, *ends], np.int64), value)
            pads = [*starts, *ends]
        out = []
        for k in range(axes):
            reach = (kernel[k] - 1) * dilation[k] + 1
            if attributes.get("auto_pad", "VALID") != "VALID":
                out.append(-(-self.size[k] // stride[k]))
            else:
                out.append((self.size[k] + pads[k] + pads[k + axes] - reach) // stride[k] + 1)
        bias = [self.constant(self.numbers(outputs))] if self.random.random() < 0.4 else []
        self.then("Conv", self.weights(outputs, self.channels // groups, *kernel), *bias,
                  **attributes)
        self.channels, self.size = outputs, tuple(out)

    def pool(self) -> None:
        if not self.size or min(self.size) < 2:
            return
        axes = len(self.size)
        kind = self.pick("MaxPool", "MaxPool", "AveragePool")
        kernel, stride = [2] * axes, [int(self.pick(1, 2))] * axes
        ceil = int(kind == "MaxPool" and self.random.random() < 0.3)
        self.then(kind, kernel_shape=kernel, strides=stride, ceil_mode=ceil)
        self.size = tuple((-(-(n - 2) // s) if ceil else (n - 2) // s) + 1
                          for n, s in zip(self.size, stride, strict=True))

    def move(self) -> None:
        """There and back: another layout, or an added axis."""
        if not self.size:
            axis = self.constant([1], np.int64)
            if self.opset >= 13:
                self.then("Unsqueeze", axis)
                self.then("Squeeze", axis)
            return
        rank = len(self.size) + 2
        self.then("Transpose", perm=[0, *range(2, rank), 1])
        if self.random.random() < 0.5:
            self.then("Mul", self.constant(np.full(self.channels, 2.0)))
        self.then("Transpose", perm=[0, rank - 1, *range(1, rank - 1)])

    def shortcut(self) -> None:
        """A convolution or matrix of the same shape, and its sum (or concatenation) with before."""
        start, channels = self.current, self.channels
        if self.size:
            kernel = [1] * len(self.size)
            self.then("Conv", self.weights(channels, channels, *kernel), kernel_shape=kernel)
        else:
            self.then("MatMul", self.weights(channels, channels))
        form = self.random.integers(0, 3)
        if form == 0:
            self.quantise()
            self.then("Concat", start, axis=1)
            self.channels *= 2
        elif form == 1:
            self.then("Sub", start)
        else:
            self.then("Add", start)

    def upsample(self) -> None:
        if len(self.size) != 2:
            return
        region = "" if self.opset >= 13 else self.constant(np.zeros(0))
        self.then("Resize", region, self.constant([1.0, 1.0, 2.0, 2.0]), mode="nearest",
                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        self.size = (2 * self.size[0], 2 * self.size[1])

    def flatten(self) -> None:
        if not self.size:
            return
        if self.random.random() < 0.25 and self.opset < 18:
            self.then("ReduceMean", axes=[*range(2, len(self.size) + 2)], keepdims=0)
            self.size = ()
            return
        features = self.channels * int(np.prod(self.size))
        form = self.random.integers(0, 3)
        if form == 0:
            self.then("Flatten")
        elif form == 1:
            self.then("Reshape", self.constant([1, -1], np.int64))
        else:
            count = self.node("Shape", self.current, **(
                {"start": 0, "end": 1} if self.opset >= 15 else {}))
            if self.opset < 15:
                count = self.node("Slice", count, self.constant([0], np.int64),
                                  self.constant([1], np.int64))
            target = self.node("Concat", count, self.constant([-1], np.int64), axis=0)
            self.then("Reshape", target)
        self.channels, self.size = features, ()

    def tail(self) -> None:
        form = self.random.integers(0, 9)
        if form == 0:
            self.then("Softmax", axis=1)
        elif form == 1:
            self.then("LogSoftmax", axis=-1)
        elif form == 2:
            self.then("ArgMax", axis=1, keepdims=int(self.pick(0, 1)))
            if self.random.random() < 0.3:
                self.then("Cast", to=TensorProto.INT32)
        elif form == 3:
            self.nodes.append(helper.make_node("TopK", [self.current, self.constant(
                [1], np.int64)], ["best", "where"], name="TopK_tail", axis=1))
            self.current = "where"
        elif form == 4:
            self.then("Cast", to=TensorProto.FLOAT)
        elif form == 5:
            self.batch_norm()
        elif form == 6:
            self.quantise()

    def network(self) -> GraphMaker:
        """Grow a whole network, of one to three products."""
        if self.input_type != "bits" or self.random.random() < 0.5:
            if self.input_type != "bits":
                self.then("Mul", self.constant(2.0))
                self.then("Sub", self.constant(float(self.pick(1.0, 0.5, 0.0))))
            if self.random.random() < 0.15:
                self.then("Quant", self.constant(1 / 64), self.constant(0.0),
                          self.constant(float(self.pick(5, 6, 8))), signed=1,
                          narrow=self.pick(0, 1), rounding_mode="ROUND")
            elif self.random.random() < 0.8:
                self.quantise()
        for _ in range(int(self.random.integers(1, 4))):
            if self.random.random() < 0.1:
                self.move()
            self.product()
            if self.random.random() < 0.25:
                self.pool()
            for _ in range(int(self.random.integers(0, 3))):
                self.function()
            self.quantise()
            if self.random.random() < 0.2:
                self.pool()
            if self.random.random() < 0.2:
                self.shortcut()
                self.quantise()
            if self.random.random() < 0.1:
                self.upsample()
            if self.size and self.random.random() < 0.3:
                self.flatten()
        self.flatten()
        outputs = int(self.random.integers(2, 6))
        self.then("MatMul", self.weights(self.channels, outputs))
        self.channels = outputs
        self.tail()
        return self

    def model(self) -> Any:
        output = onnx.ValueInfoProto(name=self.current)
        graph = helper.make_graph(self.nodes, "fuzz", [self.input], [output], self.constants)
        return helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", self.opset), helper.make_opsetid(DOMAIN, 1)])
