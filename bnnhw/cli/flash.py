"""``bnnhw flash``: loads a bitstream onto a board."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import typer

from bnnhw.cli.common import progress
from bnnhw.cli.complete import board_names
from bnnhw.cli.flags import with_flags
from bnnhw.cli.json_output import print_json
from bnnhw.errors import ConfigError
from bnnhw.platforms import boards
from bnnhw.tools.program import Programming, locate, plan_programming, program
from bnnhw.tools.program_weights import plan_weights
from bnnhw.tools.programmers import INSTALL

__all__ = ["NAME", "command"]

NAME = "flash"
SCHEMA = "bnnhw.flash/1"


def command(
    target: Path = typer.Argument(..., help="Build folder (build/NET/BOARD), or a bitstream."),
    board: str | None = typer.Option(None, autocompletion=board_names,
                                     help=f"Board: {', '.join(boards())}. A build folder "
                                     "names it already."),
    persistent: bool = typer.Option(False, "--persistent", help="Write the flash: the design "
                                    "starts at every power-on."),
    weights: bool = typer.Option(True, "--weights/--no-weights", help="Write the weights of a "
                                 "design that loads them, always into the flash."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the command, and do nothing."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask before the flash is written."),
    usb: str | None = typer.Option(None, help="BUS:NUMBER of the device, where several boards are "
                                   "there; 'bnnhw doctor' lists them."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Load a bitstream onto a board, until power-off or, with --persistent, into its flash.

    Weights that a design loads at start-up are always written into the flash, first.

    Example: bnnhw flash build/mnist_tfc/icebreaker --persistent
    """
    chosen, bitstream = locate(target, board)
    plan = plan_programming(chosen, bitstream, persistent, usb)
    first = plan_weights(chosen, bitstream, usb) if weights else None
    writes = [plan] if first is None else [first, plan]
    if dry_run:
        if json:
            print_json(SCHEMA, _result(plan, first, None))
        else:
            for write in writes:
                print(shlex.join(write.commands[0]))
            _remarks(plan)
        return
    if not json:
        _remarks(plan)
    if (persistent or first is not None) and not yes:
        _confirm(plan, first)
    start = time.monotonic()
    for write in writes:
        with progress(f"{write.tool}: {write.file if write is first else write.board.name}", None):
            program(write, usb)
    seconds = time.monotonic() - start
    if json:
        print_json(SCHEMA, _result(plan, first, seconds))
    else:
        if first is not None:
            print(f"{plan.board.title}: {first.file} is in the flash at {first.offset:,}")
        print(f"{plan.board.title}: {bitstream} is in {plan.where} ({plan.tool}, {seconds:.1f} s)")


def _remarks(plan: Programming) -> None:
    """Print remarks on standard error, so that standard output has the command alone."""
    programmer = plan.board.programmer
    remarks = [f"kept: {programmer.keeps}"] if plan.persistent and programmer.keeps else []
    remarks += [f"board: {note}" for note in _notes(plan)]
    if plan.copied:
        remarks.append(f"{plan.file}: a copy of {plan.bitstream} with a DFU suffix, in a "
                       "temporary folder")
    if plan.installed and plan.tool != programmer.tool:
        remarks.append(f"{programmer.tool} is not installed: {plan.tool} is used instead")
    if not plan.installed:
        remarks.append(f"{plan.tool} is not installed: {INSTALL[plan.tool]}")
    for remark in remarks:
        print(remark, file=sys.stderr)


def _notes(plan: Programming) -> list[str]:
    board = plan.board
    return [with_flags(note, NAME)
            for note in (board.programmer.note(plan.persistent), board.line.note) if note]


def _confirm(plan: Programming, weights: Programming | None) -> None:
    if not sys.stdin.isatty():
        what = "--persistent" if plan.persistent else f"{weights.bitstream.name if weights else ''}"
        raise ConfigError(f"{what} overwrites the board's flash, and there is no terminal to "
                          "ask on", hint="say --yes if that is meant")
    part = "" if plan.persistent else f" from address {weights.offset if weights else 0:,} on"
    typer.confirm(f"Overwrite the flash of {plan.board.title}{part}?", abort=True, err=True)


def _result(plan: Programming, weights: Programming | None,
            seconds: float | None) -> dict[str, object]:
    return {
        "schema": SCHEMA, "board": plan.board.name, "bitstream": str(plan.bitstream),
        "persistent": plan.persistent, "tool": plan.tool, "installed": plan.installed,
        "command": list(plan.commands[0]), "keeps": plan.board.programmer.keeps,
        **({} if weights is None else {"weights": {
            "file": str(weights.bitstream), "offset": weights.offset,
            "command": list(weights.commands[0])}}),
        "note": "; ".join(_notes(plan)), "done": seconds is not None,
        "seconds": None if seconds is None else round(seconds, 2),
    }
