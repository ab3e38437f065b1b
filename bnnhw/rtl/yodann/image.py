"""Pixel memories of the core: image columns in banks of latches, and the sliding windows."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.scm import LatchRows, Scm, at_falling_edge
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["ImageBank", "ImageColumn", "ImageMemory", "Operands"]


class ImageColumn(SharedComponent):
    """The pixels of one column in several banks, of which an access clocks only one.

    Latency: one cycle, as ``Scm`` with ``falling``.

    Members
    -------
    we, re : In(1)
    waddr, raddr : In(bits for depth - 1)
    wdata : In(bits)
    rdata : Out(bits)
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        address = range(shape.depth)
        super().__init__({"we": In(1), "waddr": In(address), "wdata": In(shape.bits),
                          "re": In(1), "raddr": In(address), "rdata": Out(shape.bits)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_image_column_{s.depth}x{s.bits}by{s.bank}" + \
            ("_flop" if s.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        split, banks = (s.bank - 1).bit_length(), s.depth // s.bank
        chosen = Signal(range(banks), reset_less=True)
        if banks > 1:
            with m.If(self.re):
                m.d.sync += chosen.eq(self.raddr[split:])
        read: list[Value] = []
        for k in range(banks):
            bank = Scm(rows=s.bank, width=s.bits, gating=2, falling=True, storage=s.storage)
            prefix_ports(bank, f"bank{k}")
            m.submodules[f"bank{k}"] = bank
            m.d.comb += [
                bank.we.eq(self.we & (self.waddr[split:] == k) if banks > 1 else self.we),
                bank.re.eq(self.re & (self.raddr[split:] == k) if banks > 1 else self.re),
                bank.waddr.eq(self.waddr[:split]), bank.raddr.eq(self.raddr[:split]),
                bank.wdata.eq(self.wdata),
            ]
            read.append(bank.rdata)
        m.d.comb += self.rdata.eq(Array(read)[chosen] if banks > 1 else read[0])
        return m


class ImageMemory(SharedComponent):
    """The newest ``kernel - 1`` columns, in slots that are used round-robin.

    A new pixel overwrites the pixel of its row in the oldest column, which was read one cycle
    earlier. The output is rotated so that ``row`` begins with the oldest column.

    Latency: one cycle from ``re`` to ``row``. Addresses and ``wdata`` must arrive within half a
    cycle.

    Members
    -------
    re : In(1)
    raddr : In(bits for depth - 1)
    slot : In(bits for columns - 1)
        The slot of the oldest column.
    skip : In(bits for columns)
        Number of oldest columns that are not read.
    we : In(1)
    waddr, wslot, wdata
        Address, slot and value of the new pixel.
    row : Out(columns * bits)
        Pixels of a row, the oldest column in the lowest bits.
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        address, slots = range(shape.depth), range(shape.columns)
        super().__init__({
            "re": In(1), "raddr": In(address), "slot": In(slots), "skip": In(range(shape.kernel)),
            "we": In(1), "waddr": In(address), "wslot": In(slots), "wdata": In(shape.bits),
            "row": Out(shape.columns * shape.bits)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_image_memory_{s.columns}x{s.depth}x{s.bits}by{s.bank}" + \
            ("_flop" if s.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m, n = Module(), self.shape.columns
        turned = Signal(range(n), reset_less=True)
        wanted = Array([Const(sum(1 << c for c in range(skip, n)), n)
                        for skip in range(self.shape.kernel)])[self.skip]
        # Registered half a cycle early, once for all banks, so that hold times are met however
        # many gates delay the gated clock of a bank.
        raddr, waddr, wdata = (
            at_falling_edge(m, f"{name}_early", port) if self.shape.storage == "latch" else port
            for name, port in (("raddr", self.raddr), ("waddr", self.waddr),
                               ("wdata", self.wdata)))
        columns = []
        for k in range(n):
            column = ImageColumn(shape=self.shape)
            prefix_ports(column, f"column{k}")
            m.submodules[f"column{k}"] = column
            # Slot k contains column (k - slot) mod n of the window.
            age = Array([wanted[(k - slot) % n] for slot in range(n)])[self.slot]
            m.d.comb += [
                column.re.eq(self.re & age), column.raddr.eq(raddr),
                column.we.eq(self.we & (self.wslot == k)), column.waddr.eq(waddr),
                column.wdata.eq(wdata),
            ]
            columns.append(column.rdata)
        with m.If(self.re):
            m.d.sync += turned.eq(self.slot)
        rotations = [Cat(columns[(slot + c) % n] for c in range(n)) for slot in range(n)]
        m.d.comb += self.row.eq(Array(rotations)[turned])
        return m


class ImageBank(SharedComponent):
    """Sliding windows: stores the rows of each input channel's window and shifts them by one.

    Latency: ``re`` with the channel in one cycle, ``move`` with the new row in the next, ``window``
    in the one after that, in which the rows are also written back to their latches.

    Members
    -------
    re : In(1)
    channel : In(bits for ni - 1)
    move : In(1)
    moved : In(bits for ni - 1)
        ``channel`` of the previous cycle.
    row : In(kernel * bits)
    window : Out(kernel * kernel * bits)
        The oldest row in the lowest bits, and in each row the oldest column.
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        k, channels = shape.kernel, range(shape.ni)
        super().__init__({"re": In(1), "channel": In(channels), "move": In(1),
                          "moved": In(channels), "row": In(k * shape.bits),
                          "window": Out(k * k * shape.bits)})

    @property
    def module_name(self) -> str:
        s = self.shape
        return f"bnnhw_image_bank_{s.ni}x{s.kernel}x{s.bits}" + \
            ("_flop" if s.storage == "flop" else "")

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        row_bits = s.kernel * s.bits
        rows = LatchRows(rows=s.ni, width=(s.kernel - 1) * row_bits, storage=s.storage)
        prefix_ports(rows, "rows")
        m.submodules.rows = rows
        window = Signal(s.kernel * row_bits, reset_less=True)
        with m.If(self.move):
            m.d.sync += window.eq(Cat(rows.rdata, self.row))
        m.d.comb += [
            rows.re.eq(self.re), rows.raddr.eq(self.channel),
            rows.we.eq(self.move), rows.waddr.eq(self.moved), rows.held.eq(window[row_bits:]),
            self.window.eq(window),
        ]
        return m


class Operands(SharedComponent):
    """Select the operands of the units from the window; positions outside the image are zero.

    Combinational. A product of the second half uses the pixel at its position of the window, or in
    a dual mode the pixel that its output needs.

    Members
    -------
    window : In(kernel * kernel * bits)
    rows, columns : In(kernel)
        Rows and columns that lie inside both the image and the kernel.
    mode : In(2)
    x : Out(products * bits)
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        k = shape.kernel
        super().__init__({"window": In(k * k * shape.bits), "rows": In(k), "columns": In(k),
                          "mode": In(2), "x": Out(shape.products * shape.bits)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_operands_k{self.shape.kernel}b{self.shape.bits}"

    def body(self, platform: object) -> Module:
        m, s = Module(), self.shape
        masked: dict[tuple[int, int], Value] = {}
        for r in range(s.kernel):
            for c in range(s.kernel):
                pixel = Signal(s.bits, name=f"pixel_{r}_{c}")
                inside = (self.rows[r] & self.columns[c]).replicate(s.bits)
                unmasked = self.window.word_select(Const(r * s.kernel + c), s.bits)
                m.d.comb += pixel.eq(unmasked & inside)
                masked[r, c] = pixel
        x: list[Value] = []
        for j, operand in enumerate(s.operands):
            taps = operand.taps
            if j < s.half_a and taps[0] is not None:
                x.append(masked[taps[0]])  # outside the kernel of a dual mode, it is masked
                continue
            value: Value = Const(0, s.bits)
            for mode, tap in enumerate(taps):
                if tap is not None:
                    value = Mux(self.mode == mode, masked[tap], value)
            x.append(value)
        m.d.comb += self.x.eq(Cat(x))
        return m
