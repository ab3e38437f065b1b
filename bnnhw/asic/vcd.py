"""Counts the edges of each net in a value change dump (VCD), the activity for energy estimates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bnnhw.errors import ToolError

__all__ = ["Toggles", "count_toggles"]

_VAR = re.compile(r"\$var\s+\w+\s+(\d+)\s+(\S+)\s+(.+?)\s*\$end")
# Without the space, the brackets are part of an escaped name.
_RANGE = re.compile(r"\s+\[(\d+)(?::(\d+))?\]$")
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}


@dataclass(frozen=True)
class Toggles:
    """Edges of nets in a time window.

    Attributes
    ----------
    edges : dict of (str, int) to (int, int)
        Rising (0 to 1) and falling (1 to 0) edges by name of the net and bit; transitions from or
        to x and z do not count.
    seconds : float
        Length of the window.
    """

    edges: dict[tuple[str, int], tuple[int, int]]
    seconds: float


def count_toggles(path: Path) -> Toggles:
    """Count the edges of all nets in a VCD file with one scope.

    Raises
    ------
    ToolError
        The file contains no value changes.
    """
    names: dict[str, tuple[str, list[int]]] = {}
    values: dict[str, str] = {}
    rises: dict[str, list[int]] = {}
    falls: dict[str, list[int]] = {}
    scale, first, now = 1e-12, None, 0
    with path.open() as lines:
        header = ""
        for line in lines:
            header += line
            if line.startswith("$enddefinitions"):
                break
        found = re.search(r"\$timescale\s+(\d+)\s*(\w+)\s+\$end", header)
        if found:
            scale = int(found[1]) * UNITS[found[2]]
        for width, code, name in _VAR.findall(header):
            names[code] = _bits(name, int(width))
            values[code] = "x" * int(width)
            rises[code], falls[code] = [0] * int(width), [0] * int(width)
        for line in lines:
            kind = line[0]
            if kind in "01xz":
                new, code = kind, line[1:].rstrip()
            elif kind == "b":
                new, code = line[1:].split()
                # A shortened vector is extended with 0, or with x or z if it begins with that.
                new = new.rjust(len(values[code]), "0" if new[0] in "01" else new[0])
            else:
                if kind == "#":
                    now = int(line[1:])
                    first = now if first is None else first
                continue
            old = values[code]
            if old == new:
                continue
            values[code] = new
            for k, (a, b) in enumerate(zip(reversed(old), reversed(new), strict=True)):
                if a == "0" and b == "1":
                    rises[code][k] += 1
                elif a == "1" and b == "0":
                    falls[code][k] += 1
    if first is None or now == first:
        raise ToolError("the simulation recorded no changes", where="gate-level simulation")
    edges = {(name, bit): (rises[code][k], falls[code][k])
             for code, (name, bits) in names.items() for k, bit in enumerate(bits)}
    return Toggles(edges, (now - first) * scale)


def _bits(name: str, width: int) -> tuple[str, list[int]]:
    """Return the name of a net, and its bit for each bit of the value, lowest first."""
    found = _RANGE.search(name)
    low = 0
    if found:
        name, low = name[:found.start()], int(found[2] or found[1])
    return name.removeprefix("\\"), [low + k for k in range(width)]
