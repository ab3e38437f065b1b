"""Rows of latches in front of which the data already stands still in a register.

``Scm`` keeps the word that it writes in a register of its own. Where the data comes out of a
register anyway (the window of the core, the words of a filter, a finished sum), that one would be
a copy: this memory leaves it out.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["HeldRegister", "LatchRows"]


class LatchRows(SharedComponent):
    """A memory that takes ``held`` in the cycle after ``we``, and reads like ``Scm``.

    ``we`` and ``waddr`` choose the row; one cycle later its latches are open in the high phase
    and follow ``held``, which has to come straight from registers. ``rdata`` is the row whose
    address the last ``re`` took, as it is now, and in the cycle in which it is written already
    the new word.

    Latency: one cycle from ``we`` or ``re``.

    Parameters
    ----------
    rows, width : int
    storage : {"latch", "flop"}
        Instances of ``bnnhw_dlatch`` and ``bnnhw_icg``, or a twin that is equal in every cycle.

    Members
    -------
    we : In(1)
    waddr : In(bits for rows - 1)
    held : In(width)
    re : In(1)
    raddr : In(bits for rows - 1)
    rdata : Out(width)
    """

    def __init__(self, *, rows: int, width: int, storage: str) -> None:
        if rows < 1 or width < 1 or storage not in ("latch", "flop"):
            raise ValueError(f"no memory of {rows!r} rows, {width!r} bits and {storage!r}")
        self.rows, self.width, self.storage = rows, width, storage
        address = range(rows)
        super().__init__({"we": In(1), "waddr": In(address), "held": In(width),
                          "re": In(1), "raddr": In(address), "rdata": Out(width)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_rows_{self.rows}x{self.width}" + ("_flop" if self.storage == "flop" else "")

    def body(self, platform: Any) -> Module:
        m = Module()
        chosen = Signal(range(self.rows), reset_less=True)
        with m.If(self.re):
            m.d.sync += chosen.eq(self.raddr)
        if self.storage == "flop":
            self._flops(m, chosen)
            return m
        shown: list[Value] = []
        for k in range(self.rows):
            clock, row = Signal(name=f"gate{k}_clk"), Signal(self.width, name=f"row{k}")
            m.submodules[f"gate{k}"] = Instance(
                "bnnhw_icg", i_clk=ClockSignal(), i_en=self.we & (self.waddr == k), o_gclk=clock)
            m.submodules[f"latch{k}"] = Instance(
                "bnnhw_dlatch", p_WIDTH=self.width, i_en=clock, i_d=self.held, o_q=row)
            if self.rows == 1:
                shown.append(row)
                continue
            read = Signal(name=f"read{k}")
            m.d.comb += read.eq(chosen == k)
            shown.append(row & read.replicate(self.width))
        while len(shown) > 1:
            shown = [shown[k] | shown[k + 1] if k + 1 < len(shown) else shown[k]
                     for k in range(0, len(shown), 2)]
        m.d.comb += self.rdata.eq(shown[0])
        return m

    def _flops(self, m: Module, chosen: Signal) -> None:
        m.submodules.words = memory = Memory(shape=self.width, depth=self.rows, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        where, open_ = Signal(range(self.rows), reset_less=True), Signal()
        m.d.sync += [open_.eq(self.we), where.eq(self.waddr)]
        m.d.comb += [
            write.en.eq(open_), write.addr.eq(where), write.data.eq(self.held),
            read.addr.eq(chosen),
            self.rdata.eq(Mux(open_ & (where == chosen), self.held, read.data)),
        ]


class HeldRegister(LatchRows):
    """One such row: ``rdata`` follows ``held`` in the cycle after ``we``, and keeps it.

    Its ``re`` and ``raddr`` do nothing.
    """

    def __init__(self, *, width: int, storage: str) -> None:
        super().__init__(rows=1, width=width, storage=storage)
