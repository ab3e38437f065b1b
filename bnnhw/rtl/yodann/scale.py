"""Scale and bias unit: turns finished sums into output words, one unit per cycle."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.scm import LatchRows
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.yodann.shape import SCALE_WORDS, CoreShape
from bnnhw.rtl.yodann.summer import clamp

__all__ = ["ScaleBias"]


class ScaleBias(SharedComponent):
    """``out = clamp((alpha * sum + beta * 2**frac (+ half)) >> frac)``, or the unscaled sum.

    With ``bits = 12`` and ``frac = 9``, alpha and beta are in Q2.9, the product in Q10.18 and the
    result in Q2.9, which is truncated, or rounded half up on request.

    Latency: ``LATENCY`` cycles from ``take`` to ``word``, with one unit per cycle.

    Members
    -------
    take : In(1)
    unit : In(bits for no - 1)
    a, b : In(no * width)
        Finished sums of the selected operands of both halves; sums of signed products if sums
        saturate.
    window_a, window_b : In(out_bits)
        Sums of the window to subtract; absent if sums saturate.
    dual, raw, round : In(1)
    we : In(1)
    wunit : In(bits for no - 1)
    held : In(SCALE_WORDS * bits)
        Alpha and beta of a unit's first output, then of its second, timed as for ``LatchRows``.
    word : Out(2 * lane_bits)
        Both outputs, signed; the second one is valid only in dual modes.
    valid : Out(1)
    busy : Out(1)
        Settings, alphas and betas must not change yet.
    """

    LATENCY = 3

    def __init__(self, *, shape: CoreShape, width: int) -> None:
        self.shape, self.width = shape, width
        units = range(shape.no)
        window = {} if shape.acc else {name: In(shape.out_bits)
                                       for name in ("window_a", "window_b")}
        super().__init__({
            "take": In(1), "unit": In(units), "a": In(shape.no * width), "b": In(shape.no * width),
            **window, "dual": In(1), "raw": In(1), "round": In(1),
            "we": In(1), "wunit": In(units), "held": In(SCALE_WORDS * shape.bits),
            "word": Out(2 * shape.lane_bits), "valid": Out(1), "busy": Out(1)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_scale_bias_{s.no}x{self.width}to{s.out_bits}b{s.bits}f{s.frac}" + \
            ("sat" if s.acc else "") + ("_flop" if s.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        scales = LatchRows(rows=s.no, width=SCALE_WORDS * s.bits, storage=s.storage)
        prefix_ports(scales, "scales")
        m.submodules.scales = scales
        valid = [Signal(name=f"valid{k}") for k in range(self.LATENCY)]
        unit = Signal(range(s.no), reset_less=True)
        m.d.sync += [Cat(valid).eq(Cat(self.take, valid)), unit.eq(self.unit)]
        m.d.comb += [
            scales.we.eq(self.we), scales.waddr.eq(self.wunit), scales.held.eq(self.held),
            scales.re.eq(valid[0]), scales.raddr.eq(unit),
            self.valid.eq(valid[-1]), self.busy.eq(Cat(self.take, valid[:-1]).any()),
        ]
        lanes: list[Value] = []
        for half, total in zip("ab", self._sums(m), strict=True):
            alpha, beta = (scales.rdata.word_select(Const(2 * "ab".index(half) + k), s.bits)
                           .as_signed() for k in (0, 1))
            product = Signal(signed(s.out_bits + s.bits), name=f"product_{half}", reset_less=True)
            bias = Signal(signed(s.bits), name=f"bias_{half}", reset_less=True)
            m.d.sync += [product.eq(Mux(self.raw, total, alpha * total)), bias.eq(beta)]
            half_up = Mux(self.round, Const((1 << s.frac) >> 1), 0)
            scaled = clamp((product + (bias << s.frac) + half_up) >> s.frac, s.bits)
            lane = Signal(signed(s.lane_bits), name=f"lane_{half}")
            m.d.comb += lane.eq(Mux(self.raw, product[:s.out_bits].as_signed(), scaled))
            lanes.append(lane)
        m.d.comb += self.word.eq(Cat(lanes))
        return m

    def _sums(self, m: Module) -> list[Signal]:
        """Sums of the products of the selected unit, two registers after ``take``."""
        s, w = self.shape, self.width
        chosen, off, total = {}, {}, []
        for half, source in (("a", self.a), ("b", self.b)):
            chosen[half] = Signal(w, name=f"chosen_{half}", reset_less=True)
            choice = Array([source.word_select(Const(k), w) for k in range(s.no)])[self.unit]
            m.d.sync += chosen[half].eq(choice)
        if s.acc:
            for half in "ab":
                total.append(Signal(signed(s.out_bits), name=f"sum_{half}", reset_less=True))
                m.d.sync += total[-1].eq(chosen[half].as_signed())
            return total
        for half, source in (("a", self.window_a), ("b", self.window_b)):
            off[half] = Signal(s.out_bits, name=f"window_{half}_1", reset_less=True)
            m.d.sync += off[half].eq(source)
        both = (chosen["a"] + chosen["b"], off["a"] + off["b"])
        for half, (plus, minus) in (("a", both), ("b", (chosen["b"], off["b"]))):
            if half == "a":
                plus, minus = (Mux(self.dual, chosen["a"], plus), Mux(self.dual, off["a"], minus))
            total.append(Signal(signed(s.out_bits), name=f"sum_{half}", reset_less=True))
            m.d.sync += total[-1].eq((plus << 1) - minus)
        return total
