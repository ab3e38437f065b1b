"""Scale and offset of each channel, for class scores that differ in scale."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import SharedComponent, prefix_ports

__all__ = ["AffineUnit"]


class AffineUnit(SharedComponent):
    """Compute ``scale * x + offset`` on every lane, one word each cycle.

    Latency: ``LATENCY`` cycles from accepting a word to ``o.valid``.

    Parameters
    ----------
    module_name : str
    lanes : int
        Channels a word.
    in_shape, out_shape : (int, bool)
        Width and signedness of an element.
    scale_width : int
        Bits of a scale, two's complement. Offsets have the width of the output.
    scales, offsets : list of int
        One word for each word of the frame, lane 0 lowest.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    LATENCY = 3 + CreditQueue.LATENCY
    QUEUE_WORDS = LATENCY + 1

    def __init__(self, *, module_name: str, lanes: int, in_shape: tuple[int, bool],
                 out_shape: tuple[int, bool], scale_width: int, scales: list[int],
                 offsets: list[int]) -> None:
        if len(scales) != len(offsets):
            raise ValueError("scales and offsets must have the same number of words")
        self._module_name = module_name
        self.lanes = lanes
        self.in_shape, self.out_shape = in_shape, out_shape
        self.scale_width = scale_width
        self.scales, self.offsets = scales, offsets
        super().__init__({
            "i": In(stream.Signature(lanes * in_shape[0])),
            "o": Out(stream.Signature(lanes * out_shape[0])),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    def body(self, platform: Any) -> Module:
        m = Module()
        queue = CreditQueue(width=len(self.o.payload), depth=self.QUEUE_WORDS)
        prefix_ports(queue, "queue")
        m.submodules.queue = queue
        step = Signal()
        word = Signal(range(len(self.scales)))
        m.d.comb += [
            self.i.ready.eq(queue.free),
            step.eq(self.i.valid & queue.free),
            queue.reserve.eq(step),
            queue.write.eq(delayed(m, step, 3, "step")),
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        with m.If(step):
            with m.If(word == len(self.scales) - 1):
                m.d.sync += word.eq(0)
            with m.Else():
                m.d.sync += word.eq(word + 1)
        out_width = self.out_shape[0]
        m.submodules.scales = scales = Rom(
            words=self.scales, width=self.lanes * self.scale_width, style="lut")
        m.submodules.offsets = offsets = Rom(
            words=self.offsets, width=self.lanes * out_width, style="lut")
        m.d.comb += [scales.addr.eq(word), offsets.addr.eq(word)]
        values = Signal(len(self.i.payload))
        m.d.sync += values.eq(self.i.payload)
        results = []
        for k in range(self.lanes):
            in_width, in_signed = self.in_shape
            x = values.word_select(k, in_width)
            scale = scales.data.word_select(k, self.scale_width).as_signed()
            offset = Signal(out_width, name=f"offset{k}")
            product = Signal(signed(out_width), name=f"product{k}")
            total = Signal(out_width, name=f"total{k}")
            # Modulo 2**out_width throughout: exact, because the result itself fits.
            m.d.sync += [
                product.eq((x.as_signed() if in_signed else x) * scale),
                offset.eq(offsets.data.word_select(k, out_width)),
                total.eq(product + offset),
            ]
            results.append(total)
        m.d.comb += queue.word.eq(Cat(results))
        return m
