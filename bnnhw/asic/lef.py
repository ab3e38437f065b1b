"""Reads the areas of cells from a LEF file, which has the dimensions of their layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bnnhw.errors import ConfigError

__all__ = ["MAX_SIDE", "lef_areas"]

MAX_SIDE = 1e5
"""Longest accepted side of a cell in micrometres, more than that of a reticle."""

_LINE = re.compile(r"^[ \t]*(MACRO|SIZE|END)\b[ \t]*([^\n]*)", re.MULTILINE)
_SIZE = re.compile(r"([\d.]+)\s+BY\s+([\d.]+)")


def lef_areas(text: str, name: str = "LEF") -> dict[str, float]:
    """Return the area of each macro (cell) in square micrometres.

    Raises
    ------
    ConfigError
        A size is invalid, or the file has no macro.
    """
    areas: dict[str, float] = {}
    macro = None
    for line, word, tail in _lines(text):
        if word == "MACRO":
            macro = tail.split()[0] if tail.split() else ""
        elif word == "END" and tail.split()[:1] == [macro]:
            macro = None
        elif word == "SIZE" and macro is not None:
            match = _SIZE.match(tail)
            try:
                width, height = (float(side) for side in match.groups()) if match else (0.0, 0.0)
            except ValueError:
                width = height = 0.0
            if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
                raise ConfigError(f"the size of macro '{macro}' is '{tail.strip()[:40]}', expected "
                                  "'WIDTH BY HEIGHT' in micrometres",
                                  where=f"{name}, line {line}")
            areas[macro] = width * height
    if not areas:
        raise ConfigError("has no macro with a size", where=name,
                          hint="give the LEF file of the cells, not the technology LEF file")
    return areas


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, keyword and remaining text of each MACRO, SIZE and END line."""
    line, counted = 1, 0
    for match in _LINE.finditer(text):
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        yield line, match[1], match[2]
