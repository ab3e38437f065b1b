"""A counter in two digits, for quotient and remainder by a constant without a divider."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

__all__ = ["Digits"]


class Digits:
    """A number from 0 to ``most`` as ``row * base + remainder``; ``row`` is the quotient.

    There is no divider: each update adds or subtracts constants, digit by digit.

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
    remainder, row : Signal
        ``range(base)``, or less if ``most`` is; ``range(most // base + 1)``.
    """

    def __init__(self, base: int, most: int, name: str) -> None:
        self.base, self.name = base, name
        self.remainder = Signal(range(min(base, most + 1)), name=f"{name}_turn")
        self.row = Signal(range(most // base + 1), name=f"{name}_row")

    def at_least(self, number: int) -> Value:
        """Return whether the number is at least ``number``; digits compare as one binary number."""
        row, remainder = divmod(number, self.base)
        return Cat(self.remainder, self.row) >= (row << len(self.remainder)) + remainder

    def less(self, m: Module, number: int, last: Value, last_number: int) -> tuple[Value, Value]:
        """Return the number minus ``number``, or ``last_number`` at the ``last`` word."""
        row, remainder = self._constants(number, last, last_number)
        short = Signal(name=f"{self.name}_short")
        m.d.comb += short.eq(self.remainder < remainder)
        return self.remainder - remainder + Mux(short, self.base, 0), self.row - row - short

    def more(self, m: Module, number: int, last: Value, last_number: int) -> tuple[Value, Value]:
        """Return the number plus ``number``, or ``last_number`` at the ``last`` word."""
        row, remainder = self._constants(number, last, last_number)
        total = Signal(range(2 * self.base), name=f"{self.name}_total")
        over = Signal(name=f"{self.name}_over")
        m.d.comb += [total.eq(self.remainder + remainder), over.eq(total >= self.base)]
        return total - Mux(over, self.base, 0), self.row + row + over

    def _constants(self, number: int, last: Value, last_number: int) -> tuple[Value, Value]:
        usual, ending = divmod(number, self.base), divmod(last_number, self.base)
        row, remainder = (Const(u) if u == e else Mux(last, e, u)
                     for u, e in zip(usual, ending, strict=True))
        return row, remainder
