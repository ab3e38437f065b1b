"""Grows graphs with weights and activations of a few bits: QONNX's quantisers, and QCDQ."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from tests.fuzz.graph_base import CHANNELS_LAST
from tests.fuzz.graphs import GraphMaker

__all__ = ["FewBitMaker"]


class FewBitMaker(GraphMaker):
    """Grows graphs like ``GraphMaker``, most of whose quantisers have two to eight bits."""

    def __init__(self, seed: int, exact: bool = True) -> None:
        super().__init__(seed, exact)
        self.version = int(self.pick(1, 2))
        self.qcdq = self.opset >= 13 and self.random.random() < 0.4

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        plain = op == "Conv" and len(self.size) == 2 and "auto_pad" not in attributes
        if not plain or self.random.random() > 0.15:
            return super().node(op, *inputs, **attributes)
        source, weights, *bias = inputs
        last = [super(FewBitMaker, self).node("Transpose", name, perm=[0, 2, 3, 1])
                for name in (source, weights)]
        out = f"t{len(self.nodes)}"
        options = {"pads": [0, 0, 0, 0], **attributes}
        self.nodes.append(helper.make_node("Conv", [*last, *bias], [out], name=f"Conv_{out}",
                                           domain=CHANNELS_LAST, **options))
        return super().node("Transpose", out, perm=[0, 3, 1, 2])

    def weights(self, *shape: int, axis: int = 0) -> str:
        if self.random.random() < 0.2:
            return super().weights(*shape, axis=axis)
        bits, signed = int(self.pick(2, 2, 2, 3, 3, 4, 8)), int(self.pick(1, 1, 1, 0))
        zero = 0 if signed else int(self.random.integers(0, 1 << bits))
        per_channel = self.random.random() < 0.3
        scale = np.array([self.scale() for _ in range(shape[axis])]) if per_channel \
            else np.float64(self.scale())
        wide = scale
        if per_channel:
            size = [1] * len(shape)
            size[axis] = shape[axis]
            wide = scale.reshape(size)
        high = (1 << bits - 1) if signed else 1 << bits
        integers = self.random.integers(1 - high if signed else 0, high, shape)
        real = (integers - zero) * wide
        form = self.random.random()
        if form < 0.15:
            return self.constant(real)
        if not self.exact or form < 0.5:  # numbers between the levels
            real = real + self.random.uniform(-0.4, 0.4, shape) * wide
        return self.quantiser(self.constant(real), wide, bits, signed, zero, axis)

    def quantiser(self, source: str, scale: Any, bits: int, signed: int, zero: int,
                  axis: int) -> str:
        """Append a quantiser of several bits, and return its result."""
        if not self.qcdq:
            return self.node(self.pick("Quant", "Quant", "IntQuant"), source,
                             self.constant(scale), self.constant(float(zero)),
                             self.constant(float(bits)), signed=signed, narrow=self.pick(0, 1),
                             rounding_mode=self.pick("ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP",
                                                     "UP", "DOWN", "HALF_DOWN"))
        dtype = np.int8 if signed else np.uint8
        flat = np.ravel(scale) if np.size(scale) > 1 else np.asarray(scale).reshape(())
        pair = [self.constant(flat), self.constant(np.full(flat.shape, zero), dtype)]
        found = self.node("QuantizeLinear", source, *pair, axis=axis)
        if bits < 8:
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            found = self.node("Clip", found, self.constant(low, dtype), self.constant(high, dtype))
        return self.node("DequantizeLinear", found, *pair, axis=axis)

    def quantise(self) -> None:
        if self.random.random() < 0.25:
            super().quantise()
            return
        self.bits = False
        if not self.exact:
            self.then("Add", self.constant(self.per_channel(
                self.random.uniform(0.05, 0.2, self.channels))))
        bits, signed = int(self.pick(2, 2, 3, 4, 5, 8)), int(self.pick(0, 1))
        zero = int(self.pick(0, 0, 0, 1, 2))
        if self.random.random() < 0.1:
            scale: Any = self.per_channel(np.full(self.channels, self.scale()))
        else:
            scale = self.scale()
        self.current = self.quantiser(self.current, scale, bits, signed, zero, 1)
        if not self.qcdq and np.size(scale) == 1 and not zero and self.random.random() < 0.1:
            step, width = float(np.ravel(scale)[0]), self.constant(float(bits))
            fewer = self.constant(float(max(1, bits - 1)))
            more = [self.constant(2 * step), fewer] if self.version == 2 else [fewer]
            narrow = {"signed": signed, "narrow": 0} if self.version == 2 else {}
            self.then("Trunc", self.constant(step), self.constant(0.0), width, *more,
                      rounding_mode=self.pick("FLOOR", "ROUND", "CEIL"), **narrow)
