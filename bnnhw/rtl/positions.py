"""Selects constants by the position in a map: interior positions share one, borders differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["BorderClasses", "constant_of"]


def constant_of(m: Module, name: str, at: Signal, values: Sequence[int]) -> Signal:
    """Return a signal ``name`` that is ``values[at]``; the commonest value is the default."""
    usual = max(sorted(set(values)), key=list(values).count)
    chosen = Signal(range(min(*values, 0), max(*values, 1) + 1), name=name)
    with m.Switch(at):
        for k, value in enumerate(values):
            if value != usual:
                with m.Case(k):
                    m.d.comb += chosen.eq(value)
        with m.Default():
            m.d.comb += chosen.eq(usual)
    return chosen


@dataclass(frozen=True)
class BorderClasses:
    """The border class of each position of a map; positions of one class share constants.

    Parameters
    ----------
    rows, columns : tuple of int
        Class of each output row and of each output column. A position's class is
        ``row class * column classes + column class``.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def of_positions(self) -> np.ndarray:
        """Class of each position, row by row: int64 ``[positions]``."""
        rows, columns = np.array(self.rows), np.array(self.columns)
        return np.asarray((rows[:, None] * (max(self.columns) + 1) + columns).ravel())

    def first_of_class(self, m: Module, advance: Value, size: int) -> Value:
        """Return the address of the first of ``size`` words of the current position's class.

        Positions advance with ``advance``, row by row.
        """
        row, column = Signal(range(len(self.rows))), Signal(range(len(self.columns)))
        with m.If(advance):
            m.d.sync += column.eq(Mux(column == len(self.columns) - 1, 0, column + 1))
            with m.If(column == len(self.columns) - 1):
                m.d.sync += row.eq(Mux(row == len(self.rows) - 1, 0, row + 1))
        column_classes = max(self.columns) + 1
        bases = [constant_of(m, f"{name}_base", at, [k * each for k in classes])
                 for at, classes, each, name in (
                     (row, self.rows, size * column_classes, "row"),
                     (column, self.columns, size, "column"))]
        return bases[0] + bases[1]
