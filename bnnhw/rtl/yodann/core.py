"""Top module of the YodaNN core: connects its memories, units and summers to two streams.

Pipeline of a step, which never stalls once it has started:

====  ==========================================================================================
t0    accept the pixel; start reading the image memory and the image bank
t1    rotate the new row and append it to the rows of the image bank; start reading the filter bank
t2    mask the operands, select them by the weights, and add them to the running sums
t3    after the last channel: store the finished sums (t4 if they saturate), which are then sent,
      one unit per cycle
====  ==========================================================================================
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.shared import NamedComponent, prefix_ports
from bnnhw.rtl.yodann.control import Control
from bnnhw.rtl.yodann.drain import Drain
from bnnhw.rtl.yodann.filters import FilterBank
from bnnhw.rtl.yodann.image import ImageBank, ImageMemory, Operands
from bnnhw.rtl.yodann.scale import ScaleBias
from bnnhw.rtl.yodann.shape import SCALE_WORDS, CoreShape
from bnnhw.rtl.yodann.sop import SumOfProducts
from bnnhw.rtl.yodann.summer import ExactSummer, SaturatingSummer, WindowSum

__all__ = ["YodannCore"]


class YodannCore(NamedComponent):
    """Run jobs (see ``Control``) and send their outputs.

    Outputs are sent pixel by pixel, column by column; the words of a pixel are ordered by unit.
    Unit k computes output channel k, or in dual modes channels 2k (low lane) and 2k + 1.

    Parameters
    ----------
    shape : CoreShape
    name : str
        Name of the module.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast : AXI4-Stream in
        Words of ``bits`` bits. ``tlast`` is optional, but may only mark the end of a job.
    m_axis_tdata, m_axis_tvalid, m_axis_tready, m_axis_tlast : AXI4-Stream out
        Two signed lanes of ``lane_bits`` bits, each extended to whole bytes; ``tlast`` marks the
        last word of a pixel.
    frame_error : Out(1)
        Set, until reset, once ``s_axis_tlast`` arrived inside a job.
    """

    def __init__(self, *, shape: CoreShape, name: str) -> None:
        self.shape = shape
        super().__init__(name, {
            "s_axis_tdata": In(8 * shape.in_bytes), "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1), "s_axis_tlast": In(1),
            "m_axis_tdata": Out(2 * 8 * shape.lane_bytes), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1), "frame_error": Out(1)})

    @classmethod
    def queue_depth(cls, shape: CoreShape) -> int:
        """Queue entries for one word per cycle, from the reservation of an entry to its release."""
        return cls.lag(shape) + ScaleBias.LATENCY + CreditQueue.LATENCY + 1

    @staticmethod
    def lag(shape: CoreShape) -> int:
        """Cycles from a word's reservation to its ``take``."""
        return 2 + shape.acc_latency

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        control, drain = Control(shape=s), Drain(shape=s, lag=self.lag(s))
        memory, bank = ImageMemory(shape=s), ImageBank(shape=s)
        filters, operands = FilterBank(shape=s), Operands(shape=s)
        width = s.out_bits if s.acc else s.out_bits - 1
        scale = ScaleBias(shape=s, width=width)
        queue = CreditQueue(width=2 * s.lane_bits + 1, depth=self.queue_depth(s))
        for name, unit in (("control", control), ("drain", drain), ("image_memory", memory),
                           ("image_bank", bank), ("filter_bank", filters), ("operands", operands),
                           ("scale_bias", scale), ("queue", queue)):
            prefix_ports(unit, name)
            m.submodules[name] = unit
        dual = control.mode != 0
        m.d.comb += [
            control.i.payload.eq(self.s_axis_tdata), control.i.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(control.i.ready),
            control.busy.eq(drain.busy | scale.busy), control.clear.eq(drain.clear),
            drain.last.eq(control.step & control.last), drain.words.eq(control.words),
            drain.free.eq(queue.free), queue.reserve.eq(drain.reserve),
            filters.held.eq(control.held[-s.full_words * s.bits:]), filters.mode.eq(control.mode),
            filters.we.eq(control.load_filters), filters.group.eq(control.group),
            filters.wchannel.eq(control.channel),
            scale.held.eq(control.held[-SCALE_WORDS * s.bits:]), scale.we.eq(control.load_scales),
            scale.wunit.eq(control.unit), scale.dual.eq(dual), scale.raw.eq(control.raw),
            scale.round.eq(control.round), scale.take.eq(drain.take), scale.unit.eq(drain.unit),
        ]
        with m.If(self.s_axis_tvalid & self.s_axis_tready & self.s_axis_tlast & ~control.end):
            m.d.sync += self.frame_error.eq(1)
        go = self._window(m, control, memory, bank, filters, operands)
        self._units(m, go, dual, operands, filters, scale, width)
        self._output(m, control, scale, queue)
        return m

    def _window(self, m: Module, control: Control, memory: ImageMemory, bank: ImageBank,
                filters: FilterBank, operands: Operands) -> dict[str, Signal]:
        """Connect stages t0 to t2; returns the signals ``add``, ``first`` and ``park`` of t2."""
        s = self.shape
        step, feed = Signal(name="step_1"), Signal(name="feed_1", reset_less=True)
        late = {}
        for name in ("cin", "address", "slot"):
            port = getattr(control, name)
            late[name] = Signal(len(port), name=f"{name}_1", reset_less=True)
            m.d.sync += late[name].eq(port)
        pixel = Signal(s.bits, name="pixel_1", reset_less=True)
        m.d.sync += [step.eq(control.step), feed.eq(control.feed),
                     pixel.eq(control.i.payload)]
        m.d.comb += [
            memory.re.eq(control.step), memory.raddr.eq(control.address),
            memory.slot.eq(control.slot), memory.skip.eq(control.skip_c),
            memory.we.eq(step & feed), memory.waddr.eq(late["address"]),
            memory.wslot.eq(late["slot"]), memory.wdata.eq(pixel),
            bank.re.eq(control.step), bank.channel.eq(control.cin),
            bank.move.eq(step), bank.moved.eq(late["cin"]), bank.row.eq(Cat(memory.row, pixel)),
            filters.rchannel.eq(late["cin"]),
            operands.window.eq(bank.window), operands.mode.eq(control.mode),
        ]
        for name in ("rows", "columns"):
            port = getattr(control, name)
            one, two = (Signal(len(port), name=f"{name}_{k}", reset_less=True) for k in (1, 2))
            m.d.sync += [one.eq(port), two.eq(one)]
            m.d.comb += getattr(operands, name).eq(two)
        flags = {"add": control.step & control.go, "first": control.first,
                 "park": control.step & control.last}
        go: dict[str, Signal] = {}
        for name, flag in flags.items():
            one, two = (Signal(name=f"{name}_{k}") for k in (1, 2))
            m.d.sync += [one.eq(flag), two.eq(one)]
            go[name] = two
            if name == "add":
                m.d.comb += filters.re.eq(one)
        return go

    def _units(self, m: Module, go: dict[str, Signal], dual: Value, operands: Operands,
               filters: FilterBank, scale: ScaleBias, width: int) -> None:
        """Connect the units and summers, and one more unit that adds up the entire window."""
        s = self.shape
        window: WindowSum | ExactSummer = WindowSum(shape=s) if s.acc else \
            ExactSummer(shape=s, width=s.out_bits, offsets=s.offsets)
        summers = []
        for k in range(s.no + 1):
            computes = k < s.no
            unit = SumOfProducts(shape=s)
            summer: WindowSum | SaturatingSummer | ExactSummer = window
            if computes:
                summer = SaturatingSummer(shape=s) if s.acc else \
                    ExactSummer(shape=s, width=width)
            prefix_ports(unit, f"unit{k}" if computes else "window_unit")
            prefix_ports(summer, f"summer{k}" if computes else "window_summer")
            m.submodules[f"unit{k}" if computes else "window_unit"] = unit
            m.submodules[f"summer{k}" if computes else "window_summer"] = summer
            weights = filters.weights.word_select(Const(k), s.products) if computes else \
                Const((1 << s.products) - 1, s.products)
            m.d.comb += [unit.x.eq(operands.x), unit.w.eq(weights)]
            m.d.comb += [getattr(summer, row).eq(getattr(unit, row))
                         for row in ("a0", "a1", "b0", "b1")]
            m.d.comb += summer.add.eq(go["add"])
            if computes or not s.acc:
                m.d.comb += [summer.first.eq(go["first"]), summer.park.eq(go["park"])]
            if computes and s.acc:
                m.d.comb += [summer.dual.eq(dual), summer.window_a.eq(window.a),
                             summer.window_b.eq(window.b)]
            if computes:
                summers.append(summer)
        m.d.comb += [scale.a.eq(Cat(u.a for u in summers)), scale.b.eq(Cat(u.b for u in summers))]
        if not s.acc:
            m.d.comb += [scale.window_a.eq(window.a), scale.window_b.eq(window.b)]

    def _output(self, m: Module, control: Control, scale: ScaleBias, queue: CreditQueue) -> None:
        s = self.shape
        count = Signal(range(s.no))
        end = Signal(name="end_of_pixel")
        m.d.comb += [
            end.eq(count == control.words), queue.write.eq(scale.valid),
            queue.word.eq(Cat(scale.word, end)), self.m_axis_tvalid.eq(queue.o.valid),
            queue.o.ready.eq(self.m_axis_tready), self.m_axis_tlast.eq(queue.o.payload[-1]),
        ]
        with m.If(scale.valid):
            m.d.sync += count.eq(Mux(end, 0, count + 1))
        room = len(self.m_axis_tdata) // 2
        for k in range(2):
            lane = queue.o.payload.word_select(Const(k), s.lane_bits).as_signed()
            out = Signal(room, name=f"lane{k}")
            m.d.comb += [out.eq(lane), self.m_axis_tdata.word_select(Const(k), room).eq(out)]
