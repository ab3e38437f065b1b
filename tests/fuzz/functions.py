"""Grows quantisers, and functions of single elements between a product and a quantiser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from tests.fuzz.graph_base import GraphBase

__all__ = ["Functions"]


class Functions(GraphBase):
    """Adds elementwise nodes."""

    def quantise(self) -> None:
        """Append a quantiser to bits or to a few levels."""
        self.bits = False
        if not self.exact:  # no decision at sums that are 0 except for rounding
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
        """Append a function of each element, for use between sums and a quantiser."""
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
        """Append two functions of one tensor: x where x > 0, else x / 4."""
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
