"""Counters that are loaded and read bit-serially, in the bit order of the wire."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["LengthCounter", "ShiftCounter", "incremented", "shifted", "wire_order"]


def wire_order(bits: int) -> list[int]:
    """Return the bits of a number in the order of the wire: low byte first, each from bit 7 to bit
    0."""
    return [k ^ 7 for k in range(bits)]


def shifted(value: Signal, bit: Value) -> Value:
    """Return ``value`` after its first bit on the wire left and ``bit`` entered as the last one."""
    order = wire_order(len(value))
    after = dict(zip(order, [value[k] for k in order[1:]] + [bit], strict=True))
    return Cat(after[k] for k in range(len(value)))


def incremented(value: Signal) -> Value:
    """Return ``value + 1`` without a carry chain, which costs more LUTs for narrow counters."""
    return value ^ Cat(value[:k].all() for k in range(len(value)))


class LengthCounter(SharedComponent):
    """Counts the remaining bytes of a payload: loads the length as it passes, and counts bytes.

    Parameters
    ----------
    width : int
        Bits of the largest length, 9 to 16; of a longer length, the highest bits are dropped.

    Members
    -------
    low, high : In(1)
        ``i`` is the next bit of the low byte, or of the high byte.
    count : In(1)
        A byte has passed.
    i : In(1)
        Bit of the length.
    value : Out(width)
        Complement of the number of remaining bytes.
    none : Out(1)
        No bytes remain; two cycles late.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__({"low": In(1), "high": In(1), "count": In(1), "i": In(1),
                          "value": Out(width), "none": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_length_counter_{self.width}"

    def body(self, platform: object) -> Module:
        m = Module()
        value = Signal(self.width, reset_less=True)
        none = Signal(reset_less=True)
        # While one byte is shifted the other one counts; shifting it later overwrites the result.
        selects = Cat(self.low.replicate(8), self.high.replicate(self.width - 8))
        following = _add(m, value, selects, self.count)
        after = Cat(~self.i, value[:7], ~self.i, value[8:-1])
        m.d.comb += [self.value.eq(value), self.none.eq(none)]
        m.d.sync += [none.eq(value.all()), value.eq(_select(selects, after, following))]
        return m


class ShiftCounter(SharedComponent):
    """Counts up, or shifts by one bit.

    Each bit takes one LUT4 with carry: ``shift`` is the second operand of the adder, so that adder
    and multiplexer together have four inputs.

    Parameters
    ----------
    width : int
        A multiple of 8.
    begin : int
        Value after ``clear``.

    Members
    -------
    clear : In(1)
        Set the counter to ``begin``.
    shift, count : In(1)
        Shift, or count; not both.
    i, o : In(1), Out(1)
        The bit that enters, and the bit that leaves next.
    full : Out(1)
        All bits are 1, and ``count`` is 1; undefined while ``shift`` is 1.
    value : Out(width)
    """

    def __init__(self, width: int, begin: int = 0) -> None:
        self.width, self.begin = width, begin
        super().__init__({"clear": In(1), "shift": In(1), "count": In(1), "i": In(1), "o": Out(1),
                          "full": Out(1), "value": Out(width)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_shift_counter_{self.width}_from_{self.begin % (1 << self.width):x}"

    def body(self, platform: object) -> Module:
        m = Module()
        value = Signal(self.width, reset_less=True)
        selects = self.shift.replicate(self.width)
        following = _add(m, value, selects, self.count)
        m.d.comb += [
            # Together with ``count`` the carry leaves the chain without an extra cell.
            self.full.eq(following[-1] & self.count),
            self.value.eq(value), self.o.eq(value[7]),
        ]
        m.d.sync += value.eq(_select(selects, shifted(value, self.i), following))
        with m.If(self.clear):
            m.d.sync += value.eq(self.begin)
        return m


def _add(m: Module, value: Signal, other: Value, count: Value) -> Value:
    """Return ``value + other + count`` with its carry, as a single adder with carry input."""
    total = Signal(len(value) + 2)
    m.d.comb += total.eq(Cat(Const(1, 1), value) + Cat(count, other))
    return total[1:]


def _select(selects: Value, after: Value, following: Value) -> Value:
    """Return ``after`` for each bit that is selected, and ``following`` for the others."""
    return Cat(Mux(selects[k], after[k], following[k]) for k in range(len(selects)))
