"""``bnnhw flash``: loads a bitstream onto a board."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import typer

from bnnhw.api.flashing import FlashPlan, plan_flash
from bnnhw.cli.common import progress
from bnnhw.cli.complete import board_names
from bnnhw.cli.flags import with_flags
from bnnhw.cli.json_output import print_json
from bnnhw.errors import ConfigError
from bnnhw.platforms import boards

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
    plan = plan_flash(target, board, persistent=persistent, weights=weights, usb=usb)
    if dry_run:
        if json:
            print_json(SCHEMA, _result(plan, None))
        else:
            for write in plan.writes:
                print(shlex.join(write.commands[0]))
            _print_remarks(plan)
        return
    if not json:
        _print_remarks(plan)
    if plan.overwrites_flash and not yes:
        _confirm(plan)
    start = time.monotonic()
    plan.execute(lambda title: progress(title, None))
    seconds = time.monotonic() - start
    if json:
        print_json(SCHEMA, _result(plan, seconds))
    else:
        last, first = plan.bitstream, plan.weights
        if first is not None:
            print(f"{last.board.title}: {first.file} is in the flash at {first.offset:,}")
        print(f"{last.board.title}: {last.bitstream} is in {last.where} ({last.tool}, "
              f"{seconds:.1f} s)")


def _print_remarks(plan: FlashPlan) -> None:
    """Print remarks on standard error, so that standard output has the command alone."""
    for remark in plan.remarks:
        print(with_flags(remark, NAME), file=sys.stderr)


def _confirm(flash: FlashPlan) -> None:
    what, part = "--persistent", ""
    if flash.weights is not None and not flash.bitstream.persistent:
        what, part = flash.weights.bitstream.name, f" from address {flash.weights.offset:,} on"
    if not sys.stdin.isatty():
        raise ConfigError(f"{what} overwrites the board's flash, and there is no terminal to "
                          "ask on", hint="say --yes if that is meant")
    typer.confirm(f"Overwrite the flash of {flash.bitstream.board.title}{part}?", abort=True,
                  err=True)


def _result(flash: FlashPlan, seconds: float | None) -> dict[str, object]:
    plan, weights = flash.bitstream, flash.weights
    return {
        "board": plan.board.name, "bitstream": str(plan.bitstream),
        "persistent": plan.persistent, "tool": plan.tool, "installed": plan.installed,
        "command": list(plan.commands[0]), "keeps": plan.board.programmer.keeps,
        **({} if weights is None else {"weights": {
            "file": str(weights.bitstream), "offset": weights.offset,
            "command": list(weights.commands[0])}}),
        "note": with_flags("; ".join(flash.notes), NAME), "done": seconds is not None,
        "seconds": None if seconds is None else round(seconds, 2),
    }
