"""Scale, offset and rounding shift of each channel: class scores, and fixed-point shortcuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import SharedComponent

__all__ = ["AffineUnit", "Rounding"]


@dataclass(frozen=True)
class Rounding:
    """How a sum becomes an element of the output.

    Attributes
    ----------
    shift : int
        Bits that are dropped; the half that rounds is part of the offset.
    width : int
        Bits of an element of the output.
    limits : (int, int) or None
        Where the result saturates.
    """

    shift: int
    width: int
    limits: tuple[int, int] | None = None

    def of(self, total: Signal) -> Value:
        """Return the element of a signed sum."""
        shifted = total >> self.shift
        if self.limits is None:
            return shifted
        low, high = self.limits
        return Mux(shifted < low, low, Mux(shifted > high, high, shifted))


class AffineUnit(SharedComponent):
    """Compute ``clip((scale * x + offset) >> shift)`` on every lane, one word each cycle.

    Latency: ``LATENCY`` cycles from accepting a word to ``o.valid``.

    Parameters
    ----------
    module_name : str
    lanes : int
        Channels a word.
    in_shape : (int, bool)
        Width and signedness of an element.
    rounding : Rounding
    sum_width : int
        Bits of the sum before the shift, two's complement; offsets have as many.
    scale_width : int
        Bits of a scale, two's complement.
    scales, offsets : list of int
        One word for each word of a pixel, lane 0 lowest.
    rest : int
        Channels in the last word of a pixel; lanes beyond them give 0.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    LATENCY = 3 + CreditQueue.LATENCY
    QUEUE_WORDS = LATENCY + 1

    def __init__(self, *, module_name: str, lanes: int, in_shape: tuple[int, bool],
                 rounding: Rounding, sum_width: int, scale_width: int, scales: list[int],
                 offsets: list[int], rest: int) -> None:
        if len(scales) != len(offsets):
            raise ValueError("scales and offsets must have the same number of words")
        self._module_name = module_name
        self.lanes = lanes
        self.in_shape, self.rounding, self.sum_width = in_shape, rounding, sum_width
        self.scale_width = scale_width
        self.scales, self.offsets, self.rest = scales, offsets, rest
        super().__init__({
            "i": In(stream.Signature(lanes * in_shape[0])),
            "o": Out(stream.Signature(lanes * rounding.width)),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    def body(self, platform: Any) -> Module:
        m = Module()
        front = PerChannel(m, self, len(self.scales), 3, self.QUEUE_WORDS)
        m.submodules.scales = scales = Rom(
            words=self.scales, width=self.lanes * self.scale_width, style="lut")
        m.submodules.offsets = offsets = Rom(
            words=self.offsets, width=self.lanes * self.sum_width, style="lut")
        m.d.comb += [scales.addr.eq(front.word), offsets.addr.eq(front.word)]
        results: list[Value] = []
        for k in range(self.lanes):
            in_width, in_signed = self.in_shape
            x = front.values.word_select(k, in_width)
            scale = scales.data.word_select(k, self.scale_width).as_signed()
            offset = Signal(self.sum_width, name=f"offset{k}")
            product = Signal(signed(self.sum_width), name=f"product{k}")
            total = Signal(signed(self.sum_width), name=f"total{k}")
            # Modulo 2**sum_width throughout: exact, because the sum itself fits.
            m.d.sync += [
                product.eq((x.as_signed() if in_signed else x) * scale),
                offset.eq(offsets.data.word_select(k, self.sum_width)),
                total.eq(product + offset),
            ]
            result = Signal(self.rounding.width, name=f"result{k}")
            m.d.comb += result.eq(self.rounding.of(total))
            results.append(result)
        front.give(results)
        return m
