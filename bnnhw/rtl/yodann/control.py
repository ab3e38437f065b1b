"""Controller of the core: decodes jobs, loads weights and scales, and sequences the convolution.

A job is a header (``CoreShape.header``), then weights and scales if the header asks for them, then
pixels: image by image, column by column, row by row, with the channel as the fastest index. A step
processes one channel of one pixel. All columns are treated as one long column of pixels: while the
core computes the outputs at the bottom of a column, for which no further pixels exist, it already
receives the pixels at the top of the next column. Positions outside the image are masked, so that
padding costs no steps, except after the last pixel.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.yodann.shape import GROUP, SCALE_WORDS, CoreShape
from bnnhw.rtl.yodann.walk import Walk

__all__ = ["Control"]


class Control(SharedComponent):
    """Decode the input stream and drive the other units in each cycle.

    Members
    -------
    i : In(stream of bits)
    end : Out(1)
        The word on ``i`` is the last word of its job.
    busy : In(1)
        Results of the previous job are still in the pipeline, so its settings must not change.
    clear : In(1)
        The next output may finish (see ``Drain``).
    mode, skip_r, skip_c, raw, round, words : Out
        Settings of the job; ``words`` is the number of words minus one.
    held : Out(staged_words * bits)
        The most recently accepted words.
    load_filters, load_scales : Out(1)
        ``held`` is complete from the next cycle on.
    group, channel, unit : Out
        Destination of ``held``: group of units and input channel, or unit.
    step, feed : Out(1)
        A step is processed; it comes with a new pixel.
    cin, address, slot : Out
        Channel of the step, its address in the image memory, and the slot of the oldest column.
    first, go, last : Out(1)
        The step is the first channel of a pixel; it contributes to an output; it is the last
        channel of an output.
    rows, columns : Out(kernel)
        Rows and columns of the window that lie inside the image.
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = s = shape
        widths = dict(s.header)
        super().__init__({
            "i": In(stream.Signature(s.bits)), "end": Out(1), "busy": In(1), "clear": In(1),
            **{name: Out(widths[name]) for name in ("mode", "skip_r", "skip_c", "raw", "round",
                                                    "words")},
            "held": Out(s.staged_words * s.bits), "load_filters": Out(1), "load_scales": Out(1),
            "group": Out(range(s.groups)), "channel": Out(range(s.ni)), "unit": Out(range(s.no)),
            "step": Out(1), "feed": Out(1), "cin": Out(range(s.ni)), "address": Out(range(s.depth)),
            "slot": Out(range(s.columns)), "first": Out(1), "go": Out(1), "last": Out(1),
            "rows": Out(s.kernel), "columns": Out(s.kernel)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_yodann_control_{s.ni}x{s.no}k{s.kernel}b{s.bits}of{s.depth}"

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        header = Signal(s.header_words * s.bits, reset_less=True)
        settings, offset = {}, 0
        for name, width in s.header:
            settings[name] = header[offset:offset + width]
            offset += width
        for name in ("mode", "skip_r", "skip_c", "raw", "round", "words"):
            m.d.comb += getattr(self, name).eq(settings[name])
        m.submodules.walk = walk = Walk(shape=s)
        m.d.comb += [getattr(walk, name).eq(settings[name]) for name in walk.settings]
        m.d.comb += [walk.clear.eq(self.clear), walk.fed.eq(self.i.valid)]
        for name in ("step", "feed", "cin", "address", "slot", "first", "go", "last", "rows",
                     "columns"):
            m.d.comb += getattr(self, name).eq(getattr(walk, name))

        staged = Signal(s.staged_words * s.bits, reset_less=True)
        m.d.comb += self.held.eq(staged)
        taken = Signal()
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        count = Signal(range(max(s.header_words, s.staged_words)))
        end_of = Array([Const(s.weight_words(min(k, len(s.kernels) - 1)) - 1, len(count))
                        for k in range(4)])
        group, channel, unit = (Signal.like(port, name=f"at_{name}") for name, port in
                                (("group", self.group), ("channel", self.channel),
                                 ("unit", self.unit)))
        m.d.comb += [self.group.eq(group), self.channel.eq(channel), self.unit.eq(unit)]
        last_group = group == (settings["words"] >> (GROUP - 1).bit_length())
        last_channel = channel == settings["ni"]
        last_unit = unit == settings["words"]

        with m.FSM(name="phase"):
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(~self.busy)
                with m.If(taken):
                    m.d.sync += [header.eq(Cat(header[s.bits:], self.i.payload)),
                                 count.eq(count + 1)]
                    with m.If(count == s.header_words - 1):
                        m.d.sync += [count.eq(0), group.eq(0), channel.eq(0), unit.eq(0)]
                        m.next = "START"
            with m.State("START"):
                with m.If(settings["load_filters"]):
                    m.next = "FILTERS"
                with m.Elif(settings["load_scales"]):
                    m.next = "SCALES"
                with m.Else():
                    m.next = "BODY"
                m.d.comb += walk.begin.eq(1)
            with m.State("FILTERS"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(taken):
                    m.d.sync += [staged.eq(Cat(staged[s.bits:], self.i.payload)),
                                 count.eq(count + 1)]
                    with m.If(count == end_of[self.mode]):
                        m.d.comb += self.load_filters.eq(1)
                        m.d.sync += [count.eq(0), group.eq(Mux(last_group, 0, group + 1))]
                        with m.If(last_group):
                            m.d.sync += channel.eq(channel + 1)
                        with m.If(last_group & last_channel):
                            with m.If(settings["load_scales"]):
                                m.next = "SCALES"
                            with m.Else():
                                m.next = "BODY"
            with m.State("SCALES"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(taken):
                    m.d.sync += [staged.eq(Cat(staged[s.bits:], self.i.payload)),
                                 count.eq(count + 1)]
                    with m.If(count == SCALE_WORDS - 1):
                        m.d.comb += self.load_scales.eq(1)
                        m.d.sync += [count.eq(0), unit.eq(unit + 1)]
                        with m.If(last_unit):
                            m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [walk.run.eq(1), self.i.ready.eq(walk.ready),
                             self.end.eq(walk.last_pixel)]
                with m.If(walk.done):
                    m.next = "HEADER"
        return m
