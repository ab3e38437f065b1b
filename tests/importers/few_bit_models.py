"""Builds models with weights and activations of a few bits: QONNX's quantisers, and QCDQ."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import DOMAIN

__all__ = ["FewBits"]


class FewBits(MapBuilder):
    """Appends products with quantised weights, and quantisers of any width.

    Parameters
    ----------
    shape : list of int
        Of the input, batch first.
    seed : int
    qcdq : bool
        Write QuantizeLinear, Clip and DequantizeLinear nodes, else nodes of QONNX.
    """

    def __init__(self, shape: list[int], seed: int = 0, qcdq: bool = False) -> None:
        super().__init__(shape, seed)
        self.qcdq = qcdq

    def quantised(self, source: str, scale: Any, bits: int, signed: int, narrow: int, zero: int,
                  axis: int = 1, rounding: str = "ROUND", operator: str = "Quant") -> str:
        """Append a quantiser, and return the name of its result."""
        if not self.qcdq:
            return self.add(operator, [source, self.constant(scale), self.constant(float(zero)),
                                       self.constant(float(bits))], DOMAIN, signed=signed,
                            narrow=narrow, rounding_mode=rounding)
        dtype = np.int8 if signed else np.uint8
        zeros = np.full(np.shape(np.ravel(scale)) if np.size(scale) > 1 else (), zero)
        pair = [self.constant(np.ravel(scale) if np.size(scale) > 1 else scale),
                self.constant(zeros, dtype)]
        low, high = (narrow - (1 << bits - 1), (1 << bits - 1) - 1) if signed else (
            0, (1 << bits) - 1 - narrow)
        found = self.add("QuantizeLinear", [source, *pair], axis=axis)
        if bits < 8 or narrow:
            found = self.add("Clip", [found, self.constant(low, dtype), self.constant(high, dtype)])
        return self.add("DequantizeLinear", [found, *pair], axis=axis)

    def integers(self, shape: tuple[int, ...], bits: int = 3, signed: int = 1, narrow: int = 1,
                 zero: int = 0, scale: Any = 0.25, axis: int = 0) -> str:
        """Add quantised weights; scales of several numbers are those of one axis."""
        step = np.asarray(scale, dtype=np.float64)
        if step.size > 1:
            wide = [1] * len(shape)
            wide[axis] = step.size
            step = step.reshape(wide)
        spread = (1 << bits) / (3.0 if bits > 1 else 1.0)
        real = (self.random.normal(0 if signed else spread, spread, shape) - zero) * step
        return self.quantised(self.constant(real), step, bits, signed, narrow, zero, axis)

    def dense(self, outputs: int, **options: Any) -> FewBits:
        """Append a MatMul."""
        if np.size(options.get("scale", 1.0)) > 1:
            options["axis"] = 1
        self.then("MatMul", self.integers((self.channels, outputs), **options))
        self.channels = outputs
        return self

    def window(self, outputs: int, kernel: tuple[int, ...] = (3, 3), group: int = 1,
               options: Any = None, **attributes: Any) -> FewBits:
        """Append a Conv; ``options`` are those of ``integers``."""
        shape = (outputs, self.channels // group, *kernel)
        self.then("Conv", self.integers(shape, **(options or {})), group=group,
                  kernel_shape=list(kernel), **attributes)
        self.channels = outputs
        return self

    def levels(self, scale: Any, bits: int = 2, signed: int = 0, narrow: int = 0, zero: int = 0,
               rounding: str = "ROUND", operator: str = "Quant") -> FewBits:
        """Append a quantiser of activations."""
        self.current = self.quantised(self.current, scale, bits, signed, narrow, zero,
                                      rounding=rounding, operator=operator)
        return self
