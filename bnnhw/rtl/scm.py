"""A memory of standard cells: rows of latches with a clock gate each, or its twin of registers.

Below some two kilobits a memory of latches is smaller than any SRAM macro, works at every voltage
at which logic works, and needs only cells that each library has (the "SCM" of Andri et al.,
YodaNN, IEEE TCAD 2018; Teman et al., "Power, area and performance optimization of standard cell
memory arrays", ACM TODAES 2016). A latch is about 0.6 of a register, and a row that is not written
sees no clock. Mapped to the cells of osu018 (Yosys 0.70), 128 x 12 bits with groups of 32 rows take
4.3 NAND2 a bit, 32 x 196 bits 3.9.

How a write goes. At the rising edge that ends the cycle with ``we`` the register ``word`` takes
``wdata``, and the gate of the row takes its enable. In the high phase behind it the gate lets the
clock through: the latches of the row are open and follow ``word``. They close at the falling edge.

Why no hold time depends on skew behind the gates:

* ``word`` changes at rising edges only. Latches of a row close behind a falling edge, however late
  their clock is, so that half a cycle lies between.
* A clock gate keeps its enable in a latch that is open while *its own* clock is low: its output
  cannot glitch, whenever the enable changes. What it needs is that the enable stays until its own
  clock has risen.
* With ``gating=1`` every gate is on the clock of the registers around it: a hold time like that of
  any register.
* With ``gating=2`` the clock of a row's gate rises late, behind the gate of its group, and
  an enable that came straight from a register could be gone by then. So the address bits that
  choose the row within its group first pass latches that are open in the *low* phase of the
  ungated clock: they stand still for the whole high phase and change half a cycle after the row's
  gate has closed its latch. The gates of groups are on the ungated clock, as above.
  (OpenSTA, 128 x 12 bits of osu018, inputs 0.2 ns behind the edge: the worst hold slack is 0.23 ns,
  and -0.45 ns without those latches.)

All of this is proven in ``tests/formal/test_scm.py`` with inputs that change right at the edge.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["STORAGES", "Scm"]

STORAGES = ("latch", "flop")
"""Ways to keep the words: they differ in cells, and in no cycle."""


class Scm(SharedComponent):
    """A memory with one port that writes and one that reads, of standard cells.

    ``rdata`` is the row whose address the last ``re`` took, as it is *now*: a row that is
    read and written at once reads as the new word (write first), and a row that stays chosen
    follows what is written to it. Addresses have to lie below ``rows``. Words are undefined until
    they are written (0 in the twin).

    Latency: one cycle from ``we`` or ``re`` to ``rdata``.

    Parameters
    ----------
    rows : int
        Words, at least 2.
    width : int
        Bits a word, at least 1.
    gating : {1, 2}
        Levels of clock gates: one of each row, and above these one of each group of rows, so that
        a memory that is not written takes nearly no clock.
    group : int
        Rows behind one gate of ``gating=2``, a power of two. Many make an idle memory cheap, few
        make writing cheap.
    storage : {"latch", "flop"}
        Latches, in instances of ``bnnhw_dlatch`` and ``bnnhw_icg``, or the twin that simulates
        in Amaranth and fits an FPGA.

    Members
    -------
    we : In(1)
    waddr : In(bits for rows - 1)
    wdata : In(width)
    re : In(1)
    raddr : In(bits for rows - 1)
    rdata : Out(width)

    Raises
    ------
    RuntimeError
        When latches are elaborated for anything but Verilog, such as Amaranth's simulator, which
        takes outputs of instances for 0.
    """

    LATENCY = 1
    """Cycles from ``we`` or ``re`` to ``rdata``."""

    def __init__(self, *, rows: int, width: int, gating: int = 1, group: int = 32,
                 storage: str = "latch") -> None:
        if rows < 2 or width < 1:
            raise ValueError(f"rows {rows!r} must be at least 2, and width {width!r} positive")
        if gating not in (1, 2):
            raise ValueError(f"gating must be 1 or 2, not {gating!r}")
        if group < 2 or group & (group - 1):
            raise ValueError(f"group must be a power of two from 2 on, not {group!r}")
        if storage not in STORAGES:
            raise ValueError(f"storage must be one of {', '.join(STORAGES)}, not {storage!r}")
        self.rows, self.width, self.gating, self.storage = rows, width, gating, storage
        self.group = min(group, 1 << (rows - 1).bit_length())
        address = range(rows)
        super().__init__({"we": In(1), "waddr": In(address), "wdata": In(width),
                          "re": In(1), "raddr": In(address), "rdata": Out(width)})

    @property
    def module_name(self) -> str:
        size = f"bnnhw_scm_{self.rows}x{self.width}"
        if self.storage == "flop":
            return f"{size}_flop"
        return f"{size}_g{self.group}" if self.gating == 2 else size

    def body(self, platform: Any) -> Module:
        if self.storage == "flop":
            return self._flops()
        if not hasattr(platform, "get_shared"):
            raise RuntimeError(f"{self.module_name}: Amaranth's simulator cannot simulate "
                               "latches, they would read as 0; use storage='flop', which is equal "
                               "in every cycle, or simulate the Verilog")
        return self._latches()

    def _latches(self) -> Module:
        m = Module()
        word = Signal(self.width, reset_less=True)
        chosen = Signal(range(self.rows), reset_less=True)
        with m.If(self.we):
            m.d.sync += word.eq(self.wdata)
        with m.If(self.re):
            m.d.sync += chosen.eq(self.raddr)
        clocks = self._row_clocks(m)
        shown: list[Value] = []
        for k, clock in enumerate(clocks):
            row, read = Signal(self.width, name=f"row{k}"), Signal(name=f"read{k}")
            m.submodules[f"latch{k}"] = Instance(
                "bnnhw_dlatch", p_WIDTH=self.width, i_en=clock, i_d=word, o_q=row)
            m.d.comb += read.eq(chosen == k)
            shown.append(row & read.replicate(self.width))
        while len(shown) > 1:
            shown = [shown[k] | shown[k + 1] if k + 1 < len(shown) else shown[k]
                     for k in range(0, len(shown), 2)]
        m.d.comb += self.rdata.eq(shown[0])
        return m

    def _row_clocks(self, m: Module) -> list[Signal]:
        """The clock of each row: high behind the edge that writes it, and low otherwise."""
        if self.gating == 1:
            return [_gate(m, f"gate{k}", ClockSignal(), self.we & (self.waddr == k))
                    for k in range(self.rows)]
        bits = self.group.bit_length() - 1
        place = self._place(m, bits)
        wanted = [Signal(name=f"wanted{k}") for k in range(min(self.group, self.rows))]
        m.d.comb += [enable.eq(place == k) for k, enable in enumerate(wanted)]
        clocks: list[Signal] = []
        for first in range(0, self.rows, self.group):
            number = first >> bits
            own = self.we & (self.waddr[bits:] == number) if self.rows > self.group else self.we
            outer = _gate(m, f"group{number}", ClockSignal(), own)
            clocks += [_gate(m, f"gate{k}", outer, wanted[k - first])
                       for k in range(first, min(first + self.group, self.rows))]
        return clocks

    def _place(self, m: Module, bits: int) -> Signal:
        """The row within its group, which stands still while the clock is high."""
        place = Signal(bits)
        m.submodules.place_latch = Instance("bnnhw_dlatch", p_WIDTH=bits, i_en=~ClockSignal(),
                                            i_d=self.waddr[:bits], o_q=place)
        return place

    def _flops(self) -> Module:
        """The same cycles from a memory that reads at the edge, which any FPGA has."""
        m = Module()
        m.submodules.words = memory = Memory(shape=self.width, depth=self.rows, init=[])
        write, read = memory.write_port(), memory.read_port()
        chosen, following = (Signal(range(self.rows), reset_less=True, name=name)
                             for name in ("chosen", "following"))
        written, word = Signal(), Signal(self.width, reset_less=True)
        m.d.comb += [
            Cat(write.en, write.addr, write.data).eq(Cat(self.we, self.waddr, self.wdata)),
            following.eq(Mux(self.re, self.raddr, chosen)),
            read.addr.eq(following),
            self.rdata.eq(Mux(written, word, read.data)),
        ]
        m.d.sync += [chosen.eq(following), word.eq(self.wdata),
                     written.eq(self.we & (self.waddr == following))]
        return m


def _gate(m: Module, name: str, clock: Value, enable: Value) -> Signal:
    """A clock that is let through where ``enable`` was set at its rising edge."""
    gated = Signal(name=f"{name}_clk")
    m.submodules[name] = Instance("bnnhw_icg", i_clk=clock, i_en=enable, o_gclk=gated)
    return gated
