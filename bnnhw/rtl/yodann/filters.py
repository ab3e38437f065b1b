"""Filter bank: stores binary weights in latches and reads those of all units at once."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.scm import LatchRows
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.yodann.shape import GROUP, CoreShape

__all__ = ["FilterBank"]


class FilterBank(SharedComponent):
    """Memory with one row per input channel, written one group of units at a time.

    A register outside (``held``) collects the words of the stream, from which the latches of a
    group are written. Weights are not moved; the pixels of the window are moved instead.

    Latency: one cycle from ``re`` to ``weights``; ``we`` is set in the cycle before ``held`` is
    complete.

    Members
    -------
    we : In(1)
    group : In(bits for groups - 1)
    wchannel, rchannel : In(bits for ni - 1)
    held : In(full_words * bits)
        Driven directly by registers (see ``CoreShape.weight_bit``).
    mode : In(2)
        Also driven directly by a register.
    re : In(1)
    weights : Out(no * products)
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        channels = range(shape.ni)
        super().__init__({"we": In(1), "group": In(range(shape.groups)), "wchannel": In(channels),
                          "held": In(shape.full_words * shape.bits), "mode": In(2),
                          "re": In(1), "rchannel": In(channels),
                          "weights": Out(shape.no * shape.products)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_filter_bank_{s.ni}x{s.no}k{s.kernel}b{s.bits}" + \
            ("_flop" if s.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        word = Signal(GROUP * s.products)
        m.d.comb += word.eq(Cat(self._bit(unit, j) for unit in range(GROUP)
                                for j in range(s.products)))
        out: list[Value] = []
        for k in range(s.groups):
            units = min(GROUP, s.no - k * GROUP)
            rows = LatchRows(rows=s.ni, width=units * s.products, storage=s.storage)
            prefix_ports(rows, f"group{k}")
            m.submodules[f"group{k}"] = rows
            m.d.comb += [
                rows.we.eq(self.we & (self.group == k)), rows.waddr.eq(self.wchannel),
                rows.held.eq(word), rows.re.eq(self.re), rows.raddr.eq(self.rchannel),
            ]
            out.append(rows.rdata)
        m.d.comb += self.weights.eq(Cat(out))
        return m

    def _bit(self, unit: int, product: int) -> Value:
        """Select one weight from ``held``; its position depends on the mode."""
        s = self.shape
        usual = s.weight_bit(0, unit, product)
        assert usual is not None
        bit: Value = self.held[usual]
        for mode in range(1, len(s.kernels)):
            bit_index = s.weight_bit(mode, unit, product)
            if bit_index not in (None, usual):
                bit = Mux(self.mode == mode, self.held[bit_index], bit)
        return bit
