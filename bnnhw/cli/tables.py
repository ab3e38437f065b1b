"""Prints tables: as columns if they fit the terminal, otherwise row by row."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["print_table"]

GAP = 2
"""Blank characters between two columns."""


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are aligned to the right, and no word is broken.

    In a file or a pipe no cell is wrapped.
    """
    console = Console()
    cells = [[_cell(value) for value in row] for row in rows]
    longest = [max(len(line) for row in (columns, *cells) for line in row[k].splitlines() or [""])
               for k in range(len(columns))]
    if not console.is_terminal:
        console = Console(width=sum(longest) + GAP * len(columns) + 1)
    room = console.width - GAP * len(columns)
    widths = _widths(longest, [_longest_word(columns[k], *(row[k] for row in cells))
                               for k in range(len(columns))], room)
    console.print(title, markup=False, style="bold")
    if widths is None:
        _print_rows(console, columns, cells)
        return
    table = Table(header_style="bold", box=None, pad_edge=False)
    for k, column in enumerate(columns):
        numeric = all(isinstance(row[k], (int, float)) or row[k] in ("", "-") for row in rows)
        table.add_column(escape(column), justify="right" if numeric and rows else "left",
                         width=widths[k])
    for row in cells:
        table.add_row(*(escape(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _longest_word(*texts: str) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _widths(longest: list[int], shortest: list[int], room: int) -> list[int] | None:
    """Widths of columns: the widest ones wrap at words; None where the words do not fit."""
    if sum(shortest) > room:
        return None
    widths = list(longest)
    while sum(widths) > room:
        widest = max((k for k in range(len(widths)) if widths[k] > shortest[k]),
                     key=lambda k: widths[k])
        widths[widest] -= 1
    return widths


def _print_rows(console: Console, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print each row as its first cell and, below it, the other cells with their columns."""
    for first, *others in cells:
        console.print(first, markup=False, style="bold", soft_wrap=True)
        pairs = "; ".join(f"{column}: {value}" for column, value
                          in zip(columns[1:], others, strict=True) if value)
        for line in textwrap.wrap(pairs, max(20, console.width - 1), initial_indent="  ",
                                  subsequent_indent="  ", break_long_words=False,
                                  break_on_hyphens=False):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
