"""Affine unit: scale, offset and rounding shift per channel, for scores and fixed-point sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import Affine
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.rom import Rom

__all__ = ["AffineConstants", "AffineParams", "AffineUnit", "affine_params"]


@dataclass(frozen=True, eq=False)
class AffineConstants:
    """What an affine unit computes with: ``clip((scale * x + offset) >> shift)``.

    Parameters
    ----------
    scale, offset : int64 [channels]
        The half that rounds is part of the offset.
    shift : int
        Bits that are dropped.
    limits : (int, int) or None
        Between which the result saturates.
    """

    scale: np.ndarray
    offset: np.ndarray
    shift: int = 0
    limits: tuple[int, int] | None = None


@register_unit
@dataclass(frozen=True)
class AffineParams(PipelineParams[AffineConstants]):
    """A multiplier and an adder per lane.

    Parameters
    ----------
    scale_width, sum_width : int
        Bits of a scale, and of the sum before the shift, in two's complement.
    """

    scale_width: int
    sum_width: int

    kind: ClassVar[str] = "affine"

    @property
    def registers(self) -> int:
        return 3  # the input word, the product, the sum

    def constants(self, graph: Graph, layer: str | None) -> AffineConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, Affine)
        return AffineConstants(found.scale, found.offset + found.half, found.shift, found.limits)

    def compute(self, *words: np.ndarray, constants: AffineConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        total = self.i.from_words(words[0]) * c.scale + c.offset >> c.shift
        return self.o.to_words(total if c.limits is None else np.clip(total, *c.limits))

    def create(self, constants: AffineConstants | None = None,
               module_name: str = "unit") -> AffineUnit:
        return AffineUnit(self, self.require(constants), module_name)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "product": self.i.bits * self.scale_width,
                "sum": self.i.lanes * self.sum_width, "out": self.o.bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("scales", self.i.group_words,
                       self.i.lanes * (self.scale_width + self.sum_width), "lut", False),
                *super().memories())


def affine_params(layer: Affine, i: StreamPlan) -> AffineParams:
    """Decide the widths of an affine layer that reads stream ``i``, whose groups are pixels."""
    scale = Int(min(int(layer.scale.min()), -1), int(layer.scale.max()))
    out = layer.out_type().element
    low, high = layer.sum_range()
    total = Int(min(low, -1), max(high, 0))
    return AffineParams(i, StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups),
                        scale.width, total.width)


class AffineUnit(ConstantUnit[AffineParams, AffineConstants]):
    """Computes ``clip((scale * x + offset) >> shift)`` on every lane, one word per cycle."""

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        m.submodules.scales = scales = Rom(
            words=pack_integers(channel_words(self.constants.scale, p.i.lanes), p.scale_width),
            width=p.i.lanes * p.scale_width, style="lut")
        m.submodules.offsets = offsets = Rom(
            words=pack_integers(channel_words(self.constants.offset, p.i.lanes), p.sum_width),
            width=p.i.lanes * p.sum_width, style="lut")
        m.d.comb += [scales.addr.eq(front.word), offsets.addr.eq(front.word)]
        results: list[Value] = []
        for k in range(p.i.lanes):
            x = front.values.word_select(k, p.i.width)
            scale = scales.data.word_select(k, p.scale_width).as_signed()
            offset = Signal(p.sum_width, name=f"offset{k}")
            product = Signal(signed(p.sum_width), name=f"product{k}")
            total = Signal(signed(p.sum_width), name=f"total{k}")
            # Modulo 2**sum_width throughout, which is exact because the sum itself fits.
            m.d.sync += [
                product.eq((x.as_signed() if p.i.signed else x) * scale),
                offset.eq(offsets.data.word_select(k, p.sum_width)),
                total.eq(product + offset),
            ]
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(self._rounded(total))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m

    def _rounded(self, total: Signal) -> Value:
        """Return the output element of a sum."""
        shifted = total >> self.constants.shift
        if self.constants.limits is None:
            return shifted
        low, high = self.constants.limits
        return Mux(shifted < low, low, Mux(shifted > high, high, shifted))
