"""Logic as BLIF: covers of functions between named nets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnhw.flow.cells.boolean import Boolean

__all__ = ["Cover", "Net", "write_blif"]

Net = int | str
"""A net of Yosys' JSON: a number, or ``0``, ``1``, ``x`` as text."""


@dataclass(frozen=True)
class Cover:
    """A net that is a function of others: ``inputs`` by the names that the function has."""

    function: Boolean
    inputs: dict[str, Net]
    output: Net


def write_blif(path: Path, model: str, inputs: Sequence[str], covers: Iterable[Cover],
               wanted: Sequence[str]) -> None:
    """Write a model without registers, with one output ``differs``: not all of ``wanted`` are 1.

    Parameters
    ----------
    path : Path
    model : str
    inputs : sequence of str
        Nets, some of which may be unused.
    covers : iterable of Cover
        Nets ``0`` and ``1`` are constants; so is ``x``, whatever it is.
    wanted : sequence of str
        Nets.
    """
    numbers: dict[Net, str] = {"0": "zero", "x": "zero", "1": "one"}

    def net(n: Net) -> str:
        return numbers.setdefault(n, f"n{len(numbers)}")

    lines = [f".model {model}", ".inputs " + " ".join(map(net, inputs)), ".outputs differs",
             ".names zero", ".names one", "1"]
    for cover in covers:
        pins = cover.function.pins()
        table = cover.function.table(pins)
        lines.append(".names " + " ".join([*(net(cover.inputs[p]) for p in pins),
                                           net(cover.output)]))
        rows = [k for k in range(1 << len(pins)) if table >> k & 1]
        lines += ["".join(str(k >> j & 1) for j in range(len(pins))) + (" 1" if pins else "1")
                  for k in rows]
    # A balanced tree: tools that recurse run out of stack in a long chain.
    level = [net(name) for name in wanted] or ["one"]
    made = 0
    while len(level) > 1:
        above = []
        for k in range(0, len(level) - 1, 2):
            lines += [f".names {level[k]} {level[k + 1]} all{made}", "11 1"]
            above.append(f"all{made}")
            made += 1
        level = above + level[len(level) & ~1:]
    lines += [f".names {level[0]} differs", "0 1"]
    path.write_text("\n".join([*lines, ".end", ""]))
