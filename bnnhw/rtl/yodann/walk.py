"""Position counters of a job: channel, row, column and image of each step."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["Walk"]


class Walk(SharedComponent):
    """Count the channels, rows, columns and images of the input pixels and of the outputs.

    Pixels and outputs are counted over the same grid; the outputs follow the pixels at the distance
    that the first window needs. A step waits for its pixel, and at the last channel of an output
    until the previous outputs have been sent.

    Members
    -------
    ni, h, w, h_out, w_out, images : In
        Sizes, each minus one.
    top, left : In(bits for kernel - 1)
        Padding relative to the largest window.
    skip_r, skip_c : In(bits for kernel - 1)
        Rows and columns by which the kernel is smaller than the window.
    lead : In(4)
        Number of columns that end before the first column of outputs begins.
    start_row : In
        Output row at the time of the first pixel.
    columns_in : In(24)
        Columns of all images together, minus one.
    begin, run : In(1)
        Start a job; allow steps.
    fed, clear : In(1)
        A pixel is available; the next output may finish.
    ready : Out(1)
        A pixel is accepted if one is available.
    last_pixel, done : Out(1)
        The next pixel is the last one; this step ends the job.
    step, feed, cin, address, slot, first, go, last, rows, columns : Out
        See ``Control``.
    """

    settings = ("ni", "h", "w", "h_out", "w_out", "images", "top", "left", "skip_r", "skip_c",
                "lead", "start_row", "columns_in")

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = s = shape
        widths = dict(s.header)
        super().__init__({
            **{name: In(widths[name]) for name in self.settings},
            "begin": In(1), "run": In(1), "fed": In(1), "clear": In(1), "ready": Out(1),
            "last_pixel": Out(1), "done": Out(1), "step": Out(1), "feed": Out(1),
            "cin": Out(range(s.ni)), "address": Out(range(s.depth)), "slot": Out(range(s.columns)),
            "first": Out(1), "go": Out(1), "last": Out(1), "rows": Out(s.kernel),
            "columns": Out(s.kernel)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_yodann_walk_{s.ni}k{s.kernel}of{s.depth}"

    def body(self, platform: object) -> Module:
        m = Module()
        last_cin, ends, last_output = Signal(), Signal(), Signal()
        m.d.comb += [
            last_cin.eq(self.cin == self.ni), self.first.eq(self.cin == 0),
            self.last.eq(self.go & last_cin),
            self.step.eq(self.run & (self.fed | ~self.feed) & (self.clear | ~self.last)),
            self.ready.eq(self.run & self.feed & (self.clear | ~self.last)),
            self.done.eq(self.step & self.last & last_output),
        ]
        with m.If(self.begin):
            m.d.sync += self.cin.eq(0)
        with m.If(self.step):
            m.d.sync += self.cin.eq(Mux(last_cin, 0, self.cin + 1))
        m.d.comb += ends.eq(self.step & last_cin)
        self._pixels(m, ends, last_cin)
        self._outputs(m, ends, last_output)
        return m

    def _pixels(self, m: Module, ends: Signal, last_cin: Signal) -> None:
        """Compute the address of this step's pixel, and whether the step has one."""
        y = Signal.like(self.h, name="pixel_row", reset_less=True)
        left = Signal.like(self.columns_in, name="columns_left", reset_less=True)
        feed = Signal()
        bottom, columns = y == self.h, self.shape.columns
        m.d.comb += [self.feed.eq(feed),
                     self.last_pixel.eq(feed & last_cin & bottom & (left == 0))]
        with m.If(self.begin):
            m.d.sync += [y.eq(0), left.eq(self.columns_in), feed.eq(1), self.address.eq(0)]
        with m.If(self.step):
            m.d.sync += self.address.eq(self.address + 1)
        with m.If(ends):
            m.d.sync += y.eq(Mux(bottom, 0, y + 1))
            with m.If(bottom):
                m.d.sync += [
                    self.address.eq(0), left.eq(left - 1),
                    self.slot.eq(Mux(self.slot == columns - 1, 0, self.slot + 1))]
                with m.If(left == 0):
                    m.d.sync += feed.eq(0)

    def _outputs(self, m: Module, ends: Signal, last_output: Signal) -> None:
        """Compute the output of this step, and which part of its window lies inside the image."""
        y = Signal.like(self.h, name="output_row", reset_less=True)
        x = Signal.like(self.w, name="output_column", reset_less=True)
        image = Signal.like(self.images, name="output_image", reset_less=True)
        lead = Signal.like(self.lead, name="lead_left", reset_less=True)
        bottom, right = y == self.h, x == self.w
        m.d.comb += [
            self.go.eq((lead == 0) & (y <= self.h_out) & (x <= self.w_out)),
            last_output.eq((y == self.h_out) & (x == self.w_out) & (image == self.images)),
            self.rows.eq(self._inside(y, self.h, self.top, self.skip_r)),
            self.columns.eq(self._inside(x, self.w, self.left, self.skip_c)),
        ]
        with m.If(self.begin):
            m.d.sync += [y.eq(self.start_row), lead.eq(self.lead), x.eq(0), image.eq(0)]
        with m.If(ends):
            m.d.sync += y.eq(Mux(bottom, 0, y + 1))
            with m.If(bottom):
                with m.If(lead != 0):
                    m.d.sync += lead.eq(lead - 1)
                with m.Else():
                    m.d.sync += x.eq(Mux(right, 0, x + 1))
                    with m.If(right):
                        m.d.sync += image.eq(image + 1)

    def _inside(self, at: Signal, size: Value, pad: Value, skip: Value) -> Value:
        """For each row or column of the window: whether it is in both the kernel and the image."""
        return Cat((skip <= k) & (at + k >= pad) & (at + k <= size + pad)
                   for k in range(self.shape.kernel))
