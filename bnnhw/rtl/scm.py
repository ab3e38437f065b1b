"""Standard-cell memories: rows of latches with one clock gate each, or of registers.

Below some two kilobits a memory of latches is smaller than any SRAM macro, works at every voltage
at which logic works, and needs only cells that each library has (the "SCM" of Andri et al.,
YodaNN, IEEE TCAD 2018; Teman et al., "Power, area and performance optimization of standard cell
memory arrays", ACM TODAES 2016). A latch is about 0.6 of a register, and a row that is not written
sees no clock.

A write takes two phases. In the cycle with ``we``, the clock gate of the row samples its enable,
and the rising edge at the end of the cycle stores the word in a register. In the high phase after
that edge the gate passes the clock: the latches of the row are open and follow the register. They
close at the falling edge.

What depends on skew, and what does not:

* The word changes at rising edges only. The latches of a row close after a falling edge, however
  late their clock is, so there is a margin of half a cycle.
* A clock gate stores its enable in a latch that is open while the clock of this gate is low, so its
  output cannot glitch, whenever the enable changes. The enable must be stable until the clock of
  this gate has risen.
* With ``gating=2`` the clock of a row's gate rises late, after the gate of its group, and an enable
  directly from a register could have changed by then. Therefore the address bits that select the
  row within its group (``place``) are delayed by registers of the *falling* edge: they change half
  a cycle before and after every edge that samples them.
* The registers ``word`` and ``chosen`` have gates too, so that an idle memory clocks next to
  nothing. Their inputs have the hold time of any register with a gated clock, which a clock tree
  has to balance; with ``falling`` the margin is half a cycle.
* Enables of the gates that are on the clock itself have a hold time like that of any register.

These properties are proven in ``tests/formal/test_scm.py`` with inputs that change right at the
edge and with gates that are late.
"""

from __future__ import annotations

from functools import reduce
from itertools import chain, repeat
from operator import or_

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Instance, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["STORAGES", "HeldRegister", "LatchRows", "Scm", "at_falling_edge"]

STORAGES = ("latch", "flop")
"""Kinds of storage, with equal outputs in every cycle: latches, or flip-flops."""


class LatchRows(SharedComponent):
    """Rows of latches whose data input is already stable in a register.

    ``we`` and ``waddr`` choose the row; one cycle later its latches are open in the high phase
    and follow ``held``, which must be the output of registers. ``rdata`` is the current content of
    the row at the address of the last ``re``: in the cycle in which the row is written, it is
    already the new word. Addresses must be less than ``rows``. Words are undefined until they are
    written (0 with ``storage="flop"``).

    Latency: one cycle from ``we`` or ``re``.

    Parameters
    ----------
    rows, width : int
    storage : {"latch", "flop"}
        Latches, as instances of ``bnnhw_dlatch`` and ``bnnhw_icg``, or an equivalent memory for
        Amaranth's simulator and for FPGAs.

    Members
    -------
    we : In(1)
    waddr : In(bits for rows - 1)
    held : In(width)
    re : In(1)
    raddr : In(bits for rows - 1)
    rdata : Out(width)

    Raises
    ------
    RuntimeError
        Latches are elaborated for anything but Verilog. Amaranth's simulator would read outputs
        of instances as 0.
    """

    LATENCY = 1
    """Cycles from ``we`` or ``re`` to ``rdata``."""

    DATA = "held"
    """Name of the data port."""

    def __init__(self, *, rows: int, width: int, storage: str = "latch") -> None:
        if rows < 1 or width < 1:
            raise ValueError(f"rows {rows!r} and width {width!r} must be positive")
        if storage not in STORAGES:
            raise ValueError(f"storage must be one of {', '.join(STORAGES)}, not {storage!r}")
        self.rows, self.width, self.storage = rows, width, storage
        address = range(rows)
        super().__init__({"we": In(1), "waddr": In(address), self.DATA: In(width),
                          "re": In(1), "raddr": In(address), "rdata": Out(width)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_rows_{self.rows}x{self.width}" + ("_flop" if self.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m = Module()
        if self.storage == "flop":
            self._flops(m)
            return m
        if not hasattr(platform, "get_shared"):
            raise RuntimeError(f"{self.module_name}: Amaranth's simulator cannot simulate "
                               "latches, they would read as 0; use storage='flop', which is equal "
                               "in every cycle, or simulate the Verilog")
        word, chosen = self._word(m), self._chosen(m)
        shown: list[Value] = []
        for k, clock in enumerate(self._row_clocks(m)):
            row, read = Signal(self.width, name=f"row{k}"), Signal(name=f"read{k}")
            m.submodules[f"latch{k}"] = Instance(
                "bnnhw_dlatch", p_WIDTH=self.width, i_en=clock, i_d=word, o_q=row)
            m.d.comb += read.eq(chosen == k)
            shown.append(row & read.replicate(self.width) if self.rows > 1 else row)
        m.d.comb += self.rdata.eq(_any_of(shown))
        return m

    def _word(self, m: Module) -> Value:
        """The word that the latches of a transparent row follow."""
        return self.held

    def _chosen(self, m: Module) -> Signal:
        """The row that is read."""
        chosen = Signal(range(self.rows), reset_less=True)
        with m.If(self.re):
            m.d.sync += chosen.eq(self.raddr)
        return chosen

    def _row_clocks(self, m: Module) -> list[Signal]:
        """The clock of each row: high after the edge that writes it, and low otherwise."""
        return [_gate(m, f"gate{k}", ClockSignal(), self.we & (self.waddr == k))
                for k in range(self.rows)]

    def _flops(self, m: Module) -> None:
        m.submodules.words = memory = Memory(shape=self.width, depth=self.rows, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        chosen = self._chosen(m)
        where, open_ = Signal(range(self.rows), reset_less=True), Signal()
        m.d.sync += [open_.eq(self.we), where.eq(self.waddr)]
        m.d.comb += [
            write.en.eq(open_), write.addr.eq(where), write.data.eq(self.held),
            read.addr.eq(chosen),
            self.rdata.eq(Mux(open_ & (where == chosen), self.held, read.data)),
        ]


class HeldRegister(LatchRows):
    """A single row: ``rdata`` follows ``held`` in the cycle after ``we``, and stores it.

    Its ports ``re`` and ``raddr`` have no effect.
    """

    def __init__(self, *, width: int, storage: str) -> None:
        super().__init__(rows=1, width=width, storage=storage)


class Scm(LatchRows):
    """A memory with one write port and one read port, and a register for the written word.

    Differs from ``LatchRows`` in that the data is valid with ``we``: a row that is read and written
    in the same cycle gives the new word (write first), and a row that remains selected follows the
    words that are written to it.

    Parameters
    ----------
    rows : int
        Words, at least 2.
    width : int
        Bits per word, at least 1.
    gating : {1, 2}
        Levels of clock gates: one per row, and with 2 also one per group of rows, so that a memory
        that is not written takes nearly no clock power.
    group : int
        Rows per gate of the second level (``gating=2``), a power of two. Large groups make an idle
        memory cheap, small groups make writing cheap.
    falling : bool
        ``waddr``, ``wdata`` and ``raddr`` are outputs of registers of the falling edge, which
        several memories can share: they change in the middle of their cycle. Otherwise a memory
        with ``gating=2`` has such registers for some bits of ``waddr``, which must arrive within
        half a cycle. With ``storage="flop"`` both are allowed.
    storage : {"latch", "flop"}

    Members
    -------
    wdata : In(width)
        Replaces ``held``.
    """

    DATA = "wdata"

    def __init__(self, *, rows: int, width: int, gating: int = 1, group: int = 32,
                 falling: bool = False, storage: str = "latch") -> None:
        if rows < 2 or width < 1:
            raise ValueError(f"rows {rows!r} must be at least 2, and width {width!r} positive")
        if gating not in (1, 2):
            raise ValueError(f"gating must be 1 or 2, not {gating!r}")
        if group < 2 or group & (group - 1):
            raise ValueError(f"group must be a power of two from 2 on, not {group!r}")
        self.gating, self.falling = gating, falling
        self.group = min(group, 1 << (rows - 1).bit_length())
        super().__init__(rows=rows, width=width, storage=storage)

    @property
    def module_name(self) -> str:
        size = f"bnnhw_scm_{self.rows}x{self.width}"
        if self.storage == "flop":
            return f"{size}_flop"
        return size + (f"_g{self.group}" if self.gating == 2 else "") + \
            ("_falling" if self.falling else "")

    def _word(self, m: Module) -> Value:
        return _gated(m, "word", self.we, self.wdata)

    def _chosen(self, m: Module) -> Signal:
        return _gated(m, "chosen", self.re, self.raddr)

    def _row_clocks(self, m: Module) -> list[Signal]:
        if self.gating == 1:
            return super()._row_clocks(m)
        bits = self.group.bit_length() - 1
        index = self._row_in_group(m, bits)
        wanted = [Signal(name=f"wanted{k}") for k in range(min(self.group, self.rows))]
        m.d.comb += [row.eq(index == k) for k, row in enumerate(wanted)]
        clocks: list[Signal] = []
        for first in range(0, self.rows, self.group):
            number = first >> bits
            enable = self.we & (self.waddr[bits:] == number) if self.rows > self.group else self.we
            outer = _gate(m, f"group{number}", ClockSignal(), enable)
            clocks += [_gate(m, f"gate{k}", outer, wanted[k - first])
                       for k in range(first, min(first + self.group, self.rows))]
        return clocks

    def _row_in_group(self, m: Module, bits: int) -> Value:
        """The row within its group, stable around the rising edge."""
        low = self.waddr[:bits]
        return low if self.falling else at_falling_edge(m, "place", low)

    def _flops(self, m: Module) -> None:
        """The same behaviour with a synchronous memory, which any FPGA has."""
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


def _gate(m: Module, name: str, clock: Value, enable: Value) -> Signal:
    """Gate a clock: pass the pulses at whose rising edge ``enable`` is set."""
    gated = Signal(name=f"{name}_clk")
    m.submodules[name] = Instance("bnnhw_icg", i_clk=clock, i_en=enable, o_gclk=gated)
    return gated


def at_falling_edge(m: Module, name: str, value: Value) -> Signal:
    """Add a register that samples ``value`` at the falling edge, in the middle of each cycle."""
    register = Signal(len(value), name=name, reset_less=True)
    domain = f"falling_{name}"
    m.domains += ClockDomain(domain, clk_edge="neg", reset_less=True, local=True)
    m.d.comb += ClockSignal(domain).eq(ClockSignal())
    m.d[domain] += register.eq(value)
    return register


def _gated(m: Module, name: str, enable: Value, value: Value) -> Signal:
    """A register with a gated clock."""
    register = Signal(len(value), name=name, reset_less=True)
    m.domains += ClockDomain(name, reset_less=True, local=True)
    m.d.comb += ClockSignal(name).eq(_gate(m, f"{name}_gate", ClockSignal(), enable))
    m.d[name] += register.eq(value)
    return register


def _any_of(shown: list[Value]) -> Value:
    """OR of all values, as a tree with radices 2, 4, 2, 2 and so on.

    Any tree is correct. ABC maps this one to the smallest area, because pairs become AND-OR gates:
    3.8 NAND2 equivalents per bit over 32 rows of 196 bits, in place of 4.0 with pairs alone.
    """
    radices = chain((2, 4), repeat(2))
    while len(shown) > 1:
        radix = next(radices)
        shown = [reduce(or_, shown[k:k + radix]) for k in range(0, len(shown), radix)]
    return shown[0]
