"""Channel summers: accumulate the sums of a unit over the input channels, one per cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.scm import HeldRegister
from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.yodann.csa import Adders
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["ExactSummer", "SaturatingSummer", "WindowSum", "clamp"]


def _halves(shape: CoreShape) -> dict[str, In]:
    return {f"{half}{row}": In(shape.half_bits) for half in "ab" for row in (0, 1)}


class ExactSummer(SharedComponent):
    """Accumulate both halves separately modulo ``2**width``, and store the finished sums.

    The running sum enters the same carry-save adders as the two rows of the unit, so that one carry
    chain and no register lies between window and sum.

    Latency: one cycle from ``add`` to the running sum. ``park`` in the cycle of the last ``add``
    makes the sum visible from the next cycle on, until the next ``park``.

    Parameters
    ----------
    shape : CoreShape
    width : int
        Bits of a sum.
    offsets : (int, int)
        Constants that are added to the halves with each channel.

    Members
    -------
    a0, a1, b0, b1 : In(half_bits)
    add, first, park : In(1)
        Add a channel; the channel is the first one; the channel is the last one.
    a, b : Out(width)
    """

    def __init__(self, *, shape: CoreShape, width: int,
                 offsets: tuple[int, int] = (0, 0)) -> None:
        self.shape, self.width, self.offsets = shape, width, offsets
        super().__init__({**_halves(shape), "add": In(1), "first": In(1), "park": In(1),
                          "a": Out(width), "b": Out(width)})

    @property
    def module_name(self) -> str:
        tail = "_plus{}_{}".format(*self.offsets) if any(self.offsets) else ""
        tail += ("_cells" if self.shape.cells else "") + \
            ("_flop" if self.shape.storage == "flop" else "")
        return f"bnnhw_summer_{self.shape.half_bits}to{self.width}{tail}"

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.parked = parked = HeldRegister(width=2 * self.width,
                                                    storage=self.shape.storage)
        sums = []
        for half in "ab":
            acc = Signal(self.width, name=f"acc_{half}", reset_less=True)
            before = Signal(self.width, name=f"before_{half}")
            m.d.comb += before.eq(Mux(self.first, 0, acc))
            with m.If(self.add):
                m.d.sync += acc.eq(self._next(m, half, before))
            sums.append(acc)
        m.d.comb += [
            parked.we.eq(self.park), parked.held.eq(Cat(sums)),
            Cat(self.a, self.b).eq(parked.rdata),
        ]
        return m

    def _next(self, m: Module, half: str, before: Value) -> Value:
        rows = [getattr(self, f"{half}{row}") for row in (0, 1)]
        offset = self.offsets["ab".index(half)]
        if not self.shape.cells:
            return before + rows[0] + rows[1] + offset
        inner = Module()
        m.submodules[f"adder_{half}"] = inner
        adders = Adders(inner, cells=True)
        columns = [[row[k] for row in (*rows, before) if k < len(row)] for k in range(self.width)]
        for k, column in enumerate(columns):
            if offset >> k & 1:
                column.append(Const(1, 1))
        total = Signal(self.width, name=f"next_{half}")
        inner.d.comb += total.eq(adders.sum_of(columns, self.width))
        return total


class SaturatingSummer(SharedComponent):
    """Accumulate signed products and saturate the sum after each channel.

    Latency: two cycles from ``add``, because each channel needs the sum of its window first;
    otherwise as ``ExactSummer``.

    Members
    -------
    a0, a1, b0, b1 : In(half_bits)
    add, first, park : In(1)
    dual : In(1)
        The halves are two outputs; otherwise ``a`` is the sum of both.
    window_a, window_b : In(half_bits + 1)
        Sums of all pixels of each half from ``WindowSum``, one cycle after ``add``.
    a, b : Out(acc)
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        assert shape.acc is not None
        self.width = shape.acc
        super().__init__({**_halves(shape), "add": In(1), "first": In(1), "park": In(1),
                          "dual": In(1), "window_a": In(shape.half_bits + 1),
                          "window_b": In(shape.half_bits + 1),
                          "a": Out(self.width), "b": Out(self.width)})

    @property
    def module_name(self) -> str:
        tail = "_flop" if self.shape.storage == "flop" else ""
        return f"bnnhw_summer_{self.shape.half_bits}sat{self.width}{tail}"

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.parked = parked = HeldRegister(width=2 * self.width,
                                                    storage=self.shape.storage)
        add, first, park = (Signal(name=f"{name}_1") for name in ("add", "first", "park"))
        m.d.sync += [add.eq(self.add), first.eq(self.first), park.eq(self.park)]
        products = []
        for half, window in (("a", self.window_a), ("b", self.window_b)):
            rows = [getattr(self, f"{half}{row}") for row in (0, 1)]
            chosen = Signal(self.shape.half_bits, name=f"chosen_{half}", reset_less=True)
            with m.If(self.add):
                m.d.sync += chosen.eq(rows[0] + rows[1])
            products.append((chosen << 1) - window)
        both = Mux(self.dual, products[0], products[0] + products[1])
        sums = []
        for half, dot in (("a", both), ("b", products[1])):
            acc = Signal(signed(self.width), name=f"acc_{half}", reset_less=True)
            total = Signal(signed(max(len(acc), len(dot)) + 1), name=f"total_{half}")
            m.d.comb += total.eq(Mux(first, 0, acc) + dot)
            with m.If(add):
                m.d.sync += acc.eq(clamp(total, self.width))
            sums.append(acc)
        m.d.comb += [
            parked.we.eq(park), parked.held.eq(Cat(sums)),
            Cat(self.a, self.b).eq(parked.rdata),
        ]
        return m


class WindowSum(SharedComponent):
    """The sum that ``SaturatingSummer`` subtracts: all pixels of a window and the sign offsets.

    Latency: one cycle.

    Members
    -------
    a0, a1, b0, b1 : In(half_bits)
        Rows of a unit whose weights are all 1.
    add : In(1)
    a, b : Out(half_bits + 1)
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        super().__init__({**_halves(shape), "add": In(1), "a": Out(shape.half_bits + 1),
                          "b": Out(shape.half_bits + 1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_window_sum_k{self.shape.kernel}b{self.shape.bits}"

    def body(self, platform: object) -> Module:
        m = Module()
        rows = ((self.a0, self.a1), (self.b0, self.b1))
        for half, operands, offset in zip("ab", rows, self.shape.offsets, strict=True):
            total = Signal(self.shape.half_bits + 1, name=f"total_{half}", reset_less=True)
            with m.If(self.add):
                m.d.sync += total.eq(operands[0] + operands[1] + offset)
            m.d.comb += getattr(self, half).eq(total)
        return m


def clamp(value: Value, width: int) -> Value:
    """Saturate a signed value to ``width`` bits."""
    value = value.as_signed()
    if len(value) <= width:
        return value
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    above = value[width - 1:]
    fits = (above == 0) | above.all()
    return Mux(fits, value[:width].as_signed(), Mux(value[-1], Const(low, signed(width)),
                                                    Const(high, signed(width))))
