"""``bnnhw flash``: a bitstream onto a board."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import typer

from bnnhw.cli.common import print_json, progress
from bnnhw.errors import ConfigError
from bnnhw.flow.program import Programming, locate, plan_programming, program
from bnnhw.flow.programmers import INSTALL
from bnnhw.platforms import boards

__all__ = ["NAME", "command"]

NAME = "flash"
SCHEMA = "bnnhw.flash/1"


def command(
    target: Path = typer.Argument(..., help="Build folder (build/NET/BOARD), or a bitstream."),
    board: str | None = typer.Option(None, help=f"Board: {', '.join(boards())}. A build folder "
                                     "names its own."),
    persistent: bool = typer.Option(False, "--persistent", help="Into the flash: it stays."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the command, and do nothing."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask before the flash is written."),
    usb: str | None = typer.Option(None, help="BUS:NUMBER of the device, where several boards are "
                                   "there; 'bnnhw doctor' lists them."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Program a board; what it held is back after power-off, unless --persistent.

    Example: bnnhw flash build/mnist_tfc/icebreaker --persistent
    """
    chosen, bitstream = locate(target, board)
    plan = plan_programming(chosen, bitstream, persistent, usb)
    if dry_run:
        if json:
            print_json(_result(plan, None))
        else:
            print(shlex.join(plan.commands[0]))
            _remarks(plan)
        return
    if not json:
        _remarks(plan)
    if persistent and not yes:
        _confirm(plan)
    start = time.monotonic()
    with progress(f"{plan.tool}: {plan.board.name}", None):
        program(plan, usb)
    seconds = time.monotonic() - start
    if json:
        print_json(_result(plan, seconds))
    else:
        print(f"{plan.board.title}: {bitstream} is in {plan.where} ({plan.tool}, {seconds:.1f} s)")


def _remarks(plan: Programming) -> None:
    """What to know before it runs; on standard error, so that the command stands alone."""
    programmer = plan.board.programmer
    remarks = [f"kept: {programmer.keeps}"] if plan.persistent and programmer.keeps else []
    if plan.board.note:
        remarks.append(f"board: {plan.board.note}")
    if plan.copied:
        remarks.append(f"{plan.file}: a copy of {plan.bitstream} with a DFU suffix, in a folder "
                       "of its own")
    if plan.installed and plan.tool != programmer.tool:
        remarks.append(f"{programmer.tool} is not installed: {plan.tool} takes its place")
    if not plan.installed:
        remarks.append(f"{plan.tool} is not installed: {INSTALL[plan.tool]}")
    for remark in remarks:
        print(remark, file=sys.stderr)


def _confirm(plan: Programming) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("--persistent overwrites the board's flash, and there is no terminal to "
                          "ask on", hint="say --yes if that is meant")
    typer.confirm(f"Overwrite the flash of {plan.board.title}?", abort=True, err=True)


def _result(plan: Programming, seconds: float | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA, "board": plan.board.name, "bitstream": str(plan.bitstream),
        "persistent": plan.persistent, "tool": plan.tool, "installed": plan.installed,
        "command": list(plan.commands[0]), "keeps": plan.board.programmer.keeps,
        "note": plan.board.note, "done": seconds is not None,
        "seconds": None if seconds is None else round(seconds, 2),
    }
