"""Grows matrices and convolutions with binary weights in the forms that frameworks export."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from tests.fuzz.graph_base import GraphBase

__all__ = ["Products"]


class Products(GraphBase):
    """Adds MatMul, Gemm and Conv nodes."""

    def weights(self, *shape: int, axis: int = 0) -> str:
        """Return binary weights in one of the forms that frameworks export.

        ``axis`` is the axis of the outputs.
        """
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

    def product(self) -> None:
        if self.size:
            self.conv()
        elif self.random.random() < 0.5:
            outputs = int(self.random.integers(2, 8))
            self.then("MatMul", self.weights(self.channels, outputs, axis=1))
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
