"""Grows random small ONNX and QONNX graphs of all nodes that the importer supports."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.fuzz.functions import Functions
from tests.fuzz.products import Products

__all__ = ["GraphMaker"]


class GraphMaker(Products, Functions):
    """Grows one graph out of products, functions, pools, moves, branches and a tail."""

    def __init__(self, seed: int, exact: bool = True) -> None:
        super().__init__(seed, exact)
        if self.last:
            self.to_first()

    def to_first(self) -> None:
        rank = len(self.size) + 2
        if self.channels == 1 and self.random.random() < 0.5:
            self.then("Reshape", self.constant([1, 1, *self.size], np.int64))
        else:
            self.then("Transpose", perm=[0, rank - 1, *range(1, rank - 1)])

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
        """Change the layout, or add an axis, and change it back."""
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
        """Append a product of the same shape, and join its result with its input."""
        start, channels = self.current, self.channels
        if self.size:
            kernel = [1] * len(self.size)
            self.then("Conv", self.weights(channels, channels, *kernel), kernel_shape=kernel)
        else:
            self.then("MatMul", self.weights(channels, channels, axis=1))
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
        """Grow a complete network of one to three products."""
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
        self.then("MatMul", self.weights(self.channels, outputs, axis=1))
        self.channels = outputs
        self.tail()
        return self
