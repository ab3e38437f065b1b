"""A count in two digits: whole rows of a base, and what is beyond them."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

__all__ = ["Digits"]


class Digits:
    """A number from 0 to ``most`` as ``row * base + turn``, for who needs its rest of a division.

    Nothing is divided: each step adds or takes away constants, digit by digit.

    Parameters
    ----------
    base : int
        At least 1.
    most : int
        Largest number.
    name : str
        Its signals are ``<name>_turn`` and ``<name>_row``.

    Attributes
    ----------
    turn, row : Signal
        ``range(base)``, or less if ``most`` is; ``range(most // base + 1)``.
    """

    def __init__(self, base: int, most: int, name: str) -> None:
        self.base, self.name = base, name
        self.turn = Signal(range(min(base, most + 1)), name=f"{name}_turn")
        self.row = Signal(range(most // base + 1), name=f"{name}_row")

    def at_least(self, number: int) -> Value:
        """Whether the number is ``number`` or more; digits compare as one binary number."""
        row, turn = divmod(number, self.base)
        return Cat(self.turn, self.row) >= (row << len(self.turn)) + turn

    def less(self, m: Module, number: int, last: Value, rest: int) -> tuple[Value, Value]:
        """Digits of the number less ``number``, or less ``rest`` at the ``last`` word."""
        row, turn = self._constants(number, last, rest)
        short = Signal(name=f"{self.name}_short")
        m.d.comb += short.eq(self.turn < turn)
        return self.turn - turn + Mux(short, self.base, 0), self.row - row - short

    def more(self, m: Module, number: int, last: Value, rest: int) -> tuple[Value, Value]:
        """Digits of the number and ``number``, or ``rest`` at the ``last`` word."""
        row, turn = self._constants(number, last, rest)
        total = Signal(range(2 * self.base), name=f"{self.name}_total")
        over = Signal(name=f"{self.name}_over")
        m.d.comb += [total.eq(self.turn + turn), over.eq(total >= self.base)]
        return total - Mux(over, self.base, 0), self.row + row + over

    def _constants(self, number: int, last: Value, rest: int) -> tuple[Value, Value]:
        usual, ending = divmod(number, self.base), divmod(rest, self.base)
        row, turn = (Const(u) if u == e else Mux(last, e, u)
                     for u, e in zip(usual, ending, strict=True))
        return row, turn
