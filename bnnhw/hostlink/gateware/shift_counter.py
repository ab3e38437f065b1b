"""Counters that are loaded and read bit by bit, in the order of the wire."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["LengthCounter", "ShiftCounter", "counted", "shifted", "wire_order"]


def wire_order(bits: int) -> list[int]:
    """Bits of a number in the order in which they pass: low byte first, of it the high bit."""
    return [k ^ 7 for k in range(bits)]


def shifted(value: Signal, bit: Any) -> Any:
    """``value`` after its first bit on the wire went out, and ``bit`` came in as the last."""
    order = wire_order(len(value))
    after = dict(zip(order, [value[k] for k in order[1:]] + [bit], strict=True))
    return Cat(after[k] for k in range(len(value)))


def counted(value: Signal) -> Any:
    """One more than ``value``, without a carry chain, which costs more than it saves here."""
    return value ^ Cat(value[:k].all() for k in range(len(value)))


class LengthCounter(SharedComponent):
    """Bytes of a payload that are to come: the length as it passes, and up from its inverse.

    Parameters
    ----------
    width : int
        Bits of the greatest length, 9 to 16; longer ones lose their highest bits.

    Members
    -------
    low, high : In(1)
        ``i`` is the next bit of the low byte, of the high one.
    count : In(1)
        A byte has passed.
    i : In(1)
    value : Out(width)
        Inverse of the bytes that are to come.
    none : Out(1)
        There are none; two cycles late.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__({"low": In(1), "high": In(1), "count": In(1), "i": In(1),
                          "value": Out(width), "none": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_length_counter_{self.width}"

    def body(self, platform: Any) -> Module:
        m = Module()
        value = Signal(self.width, reset_less=True)
        none = Signal(reset_less=True)
        # While the low byte shifts the other counts nonsense, of which its own shifts leave none.
        selects = Cat(self.low.replicate(8), self.high.replicate(self.width - 8))
        following = _sum(m, value, selects, self.count)
        after = Cat(~self.i, value[:7], ~self.i, value[8:-1])
        m.d.comb += [self.value.eq(value), self.none.eq(none)]
        m.d.sync += [none.eq(value.all()), value.eq(_chosen(selects, after, following))]
        return m


class ShiftCounter(SharedComponent):
    """Count up, or shift by one bit.

    A bit takes one LUT4 with carry: the adder sees ``shift`` as its second operand, so that sum and
    multiplexer have four inputs together.

    Parameters
    ----------
    width : int
        A multiple of 8.
    begin : int
        What ``clear`` leads to.

    Members
    -------
    clear : In(1)
    shift, count : In(1)
        Not both.
    i, o : In(1), Out(1)
        The bit that comes in, and the one that goes out next.
    full : Out(1)
        All bits are ones and are counted on; of no meaning while ``shift`` is high.
    value : Out(width)
    """

    def __init__(self, width: int, begin: int = 0) -> None:
        self.width, self.begin = width, begin
        super().__init__({"clear": In(1), "shift": In(1), "count": In(1), "i": In(1), "o": Out(1),
                          "full": Out(1), "value": Out(width)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_shift_counter_{self.width}_from_{self.begin % (1 << self.width):x}"

    def body(self, platform: Any) -> Module:
        m = Module()
        value = Signal(self.width, reset_less=True)
        selects = self.shift.replicate(self.width)
        following = _sum(m, value, selects, self.count)
        m.d.comb += [
            # With ``count`` the carry needs no cell of its own on its way out.
            self.full.eq(following[-1] & self.count),
            self.value.eq(value), self.o.eq(value[7]),
        ]
        m.d.sync += value.eq(_chosen(selects, shifted(value, self.i), following))
        with m.If(self.clear):
            m.d.sync += value.eq(self.begin)
        return m


def _sum(m: Module, value: Signal, other: Any, count: Any) -> Signal:
    """``value + other + count`` with its carry, as a single adder with a carry in."""
    total = Signal(len(value) + 2)
    m.d.comb += total.eq(Cat(Const(1, 1), value) + Cat(count, other))
    return total[1:]


def _chosen(selects: Any, after: Any, following: Any) -> Any:
    """Bit by bit what shifts, where that is selected, and what is counted elsewhere."""
    return Cat(Mux(selects[k], after[k], following[k]) for k in range(len(selects)))
