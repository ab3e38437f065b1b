"""Multiply unit: the product of two streams lane by lane, divided, rounded and saturated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Module, Signal

from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.reciprocal import DividedRange
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block, Bounds, Times, lag
from bnnhw.dataflow.units.join import TwoInputParams, TwoInputs
from bnnhw.layers import Multiply
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.queue import CreditQueue, attach_queue

__all__ = ["MultiplyParams", "MultiplyUnit", "multiply_params"]


@register_unit
@dataclass(frozen=True)
class MultiplyParams(DividedRange, TwoInputParams[None]):
    """A multiplier for each lane, and what divides its product, before an output queue.

    The range that is divided is that of the products.
    """

    kind: ClassVar[str] = "multiply"

    @property
    def registers(self) -> int:
        """Pipeline registers before the output queue: both words, the product, the division."""
        return 2 + self.reciprocal.registers

    @property
    def latency(self) -> int:
        return self.registers + CreditQueue.LATENCY

    @property
    def queue_depth(self) -> int:
        """Words of the output queue; fewer would stall the pipeline."""
        return self.latency + 1

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        a, b = (s.from_words(w) for s, w in zip(self.inputs, words, strict=True))
        return self.o.to_words(self.division.compute(a * b))

    def create(self, constants: None = None, module_name: str = "unit") -> MultiplyUnit:
        return MultiplyUnit(self)

    def token_model(self) -> Block:
        return PairPipelineBlock(self.o.words, self.latency, self.queue_depth)

    def features(self) -> dict[str, float]:
        found = self.reciprocal
        width = found.total_shape.width
        return {"unit": 1, "product": self.i.bits * self.i1.width, "sum": self.i.lanes * width,
                "out": self.o.bits, "digit": self.i.lanes * (found.digits - 1) * width,
                "in": self.i.bits + self.i1.bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory.of_queue(self.queue_depth, self.o.bits),)

    def summary(self) -> dict[str, object]:
        return {"divisor": self.divisor}


def multiply_params(layer: Multiply, i: StreamPlan, i1: StreamPlan) -> MultiplyParams:
    """Describe the product of two streams of equal words, whose groups are pixels."""
    out, division = layer.out_type().element, layer.division
    low, high = layer.product_range()
    o = StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups)
    # Unused lanes multiply 0 by 0, so that the division must be exact for 0 as well.
    return MultiplyParams(i, o, i1, min(low, 0), max(high, 0), division.divisor,
                          division.rounding, division.limits)


class PairPipelineBlock(Block):
    """A free-running pipeline that accepts one word of each of two streams in the same cycle."""

    def __init__(self, words: int, latency: int, depth: int) -> None:
        self.latency, self.depth = latency, depth
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        both = np.maximum(np.maximum(taken[0], taken[1]), lag(given[0], self.depth, 1))
        return [both, both], [both + self.latency]


class MultiplyUnit(TwoInputs):
    """Multiplies two streams lane by lane, one word of each per cycle.

    Parameters
    ----------
    params : MultiplyParams
    """

    def __init__(self, params: MultiplyParams) -> None:
        self._multiply = params
        super().__init__(params)

    @property
    def module_name(self) -> str:
        p = self._multiply
        shapes = "_".join(f"{'s' if s.signed else 'u'}{s.width}" for s in p.inputs)
        numbers = [p.low, p.high, p.divisor, *(p.limits or ())]
        range_ = "_".join(str(n).replace("-", "m") for n in numbers)
        return f"bnnhw_multiply_{p.o.lanes}x{shapes}_{p.o.width}_{p.rounding}_{range_}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self._multiply
        queue = attach_queue(m, self, p.queue_depth)
        step = Signal()
        m.d.comb += [
            step.eq(self.i0.valid & self.i1.valid & queue.free),
            self.i0.ready.eq(self.i1.valid & queue.free),
            self.i1.ready.eq(self.i0.valid & queue.free),
            queue.reserve.eq(step),
            queue.write.eq(delayed(m, step, p.registers, "step")),
        ]
        words = []
        for k, port in enumerate((self.i0, self.i1)):
            word = Signal.like(port.payload, name=f"word{k}")
            m.d.sync += word.eq(port.payload)
            words.append(word)
        results = []
        for k in range(p.o.lanes):
            factors = []
            for shape, word in zip(p.inputs, words, strict=True):
                x = word.word_select(k, shape.width)
                factors.append(x.as_signed() if shape.signed else x)
            product = Signal(p.reciprocal.x_shape, name=f"product{k}")
            m.d.sync += product.eq(factors[0] * factors[1])
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(p.reciprocal.divide(m, product, f"lane{k}"))
            results.append(result)
        m.d.comb += queue.word.eq(Cat(results))
        return m
