"""Runs Yosys scripts, and reads the netlists that they write as JSON (``write_json``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bnnhw.errors import ToolError
from bnnhw.families.yosys_json import Netlist
from bnnhw.tools.tools import Tools

__all__ = ["read_yosys_json", "run_yosys"]

COMMAND_MARK = "bnnhw ran "
"""Prefix of the line that Yosys prints after each command, to report progress."""


def read_yosys_json(path: Path) -> Netlist:
    """Read a netlist that Yosys has written; its structure is not checked again."""
    return cast(Netlist, json.loads(path.read_text()))


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
