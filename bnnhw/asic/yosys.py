"""Runs Yosys scripts, and types the netlists that Yosys writes as JSON (``write_json``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, cast

from bnnhw.asic.assignments import Net
from bnnhw.errors import ToolError
from bnnhw.tools.tools import Tools

__all__ = ["YosysCell", "YosysDocument", "YosysModule", "YosysNet", "YosysPort", "read_yosys_json",
           "run_yosys"]

COMMAND_MARK = "bnnhw ran "
"""Prefix of the line that Yosys prints after each command, to report progress."""


class YosysCell(TypedDict):
    """An instance: the name of its cell, and the nets at each of its pins."""

    hide_name: int
    type: str
    parameters: dict[str, str]
    attributes: dict[str, str]
    port_directions: dict[str, str]
    connections: dict[str, list[Net]]


class YosysNet(TypedDict):
    """A named wire: the net of each of its bits, least significant bit first."""

    hide_name: int
    bits: list[Net]
    attributes: dict[str, str]


class YosysPort(TypedDict):
    """A port of a module: its direction (``input``, ``output``, ``inout``) and its nets."""

    direction: str
    bits: list[Net]


class YosysModule(TypedDict):
    """One module of a netlist."""

    attributes: dict[str, str]
    ports: dict[str, YosysPort]
    cells: dict[str, YosysCell]
    netnames: dict[str, YosysNet]


class YosysDocument(TypedDict):
    """A complete document: the version of Yosys, and the modules by name."""

    creator: str
    modules: dict[str, YosysModule]


def read_yosys_json(path: Path) -> YosysDocument:
    """Read a netlist that Yosys has written; its structure is not checked again."""
    return cast(YosysDocument, json.loads(path.read_text()))


def run_yosys(folder: Path, script: str,
              progress: Callable[[float], None] | None = None) -> None:
    """Run a Yosys script in a folder.

    Parameters
    ----------
    folder : Path
    script : str
        One command per line; lines that start with ``#`` are comments.
    progress : callable, optional
        Receives the fraction of the commands that have run.

    Raises
    ------
    ToolError
        Yosys is missing, or failed; the error gives the first reason in its log.
    """
    lines = [line for line in script.strip().splitlines() if not line.startswith("#")]
    if progress is not None:
        count = len(lines)
        lines = [text for k, line in enumerate(lines, 1)
                 for text in (line, f"log -stdout {COMMAND_MARK}{k}/{count}")]

    def on_line(line: str) -> None:
        if progress is not None and line.startswith(COMMAND_MARK):
            ran, count = line.removeprefix(COMMAND_MARK).split("/")
            progress(int(ran) / int(count))

    (folder / "run.ys").write_text("\n".join(lines) + "\n")
    try:
        Tools().run("yosys", ["-Q", "-T", "-q", "run.ys"], folder,
                    on_line=on_line if progress else None)
    except ToolError as error:
        reason = _failure_reason(folder / "yosys.out")
        if reason is None:
            raise
        raise ToolError(f"yosys failed: {reason}", where=error.where, hint=error.hint) from None
    if progress is not None:
        progress(1.0)  # after ABC has run, Yosys prints no more lines


_REASON = re.compile(r"^(?:ERROR:|.*\b(?:[Ff]ailed to parse|[Cc]annot (?:be|read|find|open))\b).*",
                     re.MULTILINE)


def _failure_reason(log: Path) -> str | None:
    """Return the first line of a log that gives a reason; later ones are consequences."""
    if not log.exists():
        return None
    found = _REASON.search(log.read_text(encoding="utf-8", errors="replace"))
    return found[0].removeprefix("ERROR:").strip() if found else None
