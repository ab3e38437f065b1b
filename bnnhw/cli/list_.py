"""``bnnhw list``: lists architectures, devices, layer kinds, networks and boards."""

from __future__ import annotations

import json as json_
from collections.abc import Callable
from pathlib import Path

import typer

import bnnhw.designs as designs
from bnnhw.cli.complete import of_words
from bnnhw.cli.json_output import print_json
from bnnhw.cli.tables import print_table
from bnnhw.errors import ConfigError

__all__ = ["NAME", "command"]

NAME = "list"
REPORTS = ("bnnhw.report/1", "bnnhw.report/2")

Rows = tuple[dict[str, str], list[tuple[object, ...]]]
"""Keys of the JSON with the headings of the table, and the rows."""

NAMED = {"name": "name", "title": "what it is"}


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0].replace("``", "")


def _archs() -> Rows:
    from bnnhw.arch import architectures

    return NAMED, [(a.name, a.title) for a in architectures().values()]


def _devices() -> Rows:
    from bnnhw.families import DEVICES

    return NAMED, [(d.name, d.title) for d in DEVICES.values()]


def _layers() -> Rows:
    from bnnhw.ir.layer import ITEMS

    return NAMED, [(kind, _first_line(item.__doc__)) for kind, item in ITEMS.items()]


def _designs() -> Rows:
    rows: list[tuple[object, ...]] = [
        (name, designs.title(name), "trained", designs.results(name)["accuracy_percent"])
        for name in designs.names()]
    rows += [(name, designs.title(name), "random", None) for name in designs.examples()]
    return {**NAMED, "weights": "weights", "accuracy_percent": "accuracy, %"}, rows


def _boards() -> Rows:
    from bnnhw.platforms import boards

    rows: list[tuple[object, ...]] = []
    for b in boards().values():
        rows.append((b.name, b.title, b.part.name, b.clocks.oscillator_hz / 1e6, b.clock_mhz,
                     b.line.connection, b.line.baud, b.programmer.tool, _built(b.name)))
    return {"name": "name", "title": "title", "part": "part",
            "oscillator_mhz": "oscillator, MHz", "clock_mhz": "clock, MHz", "link": "link",
            "baud": "baud", "programmer": "programmer", "builds": "built here"}, rows


def _built(board: str) -> list[dict[str, object]]:
    """Networks under ``build`` that were built for a board, from their reports."""
    found: list[dict[str, object]] = []
    for path in sorted(Path("build").glob(f"*/{board}/report.json")):
        try:
            report = json_.loads(path.read_bytes())
            if report["schema"] in REPORTS and report["board"] == board:
                found.append({
                    "network": str(report["network"]), "folder": str(path.parent),
                    "clock_mhz": float(report["clock_mhz"]), "fmax_mhz": float(report["fmax_mhz"]),
                    "frames_per_second": float(report["frames_per_second"])})
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # an incomplete build, or one of another version
    return found


def _in_table(value: object) -> object:
    """Return the cell of a value; builds are shown with their speed."""
    if not isinstance(value, list):
        return value
    return "; ".join(f"{b['network']}: {b['frames_per_second']:,.0f} frames/s, fmax "
                     f"{b['fmax_mhz']:.1f} MHz" for b in value)


LISTS: dict[str, Callable[[], Rows]] = {
    "archs": _archs, "devices": _devices, "layers": _layers, "designs": _designs,
    "boards": _boards,
}


def command(
    what: str = typer.Argument(..., autocompletion=of_words(*LISTS),
                               help=f"One of {', '.join(LISTS)}."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List archs, devices, layers, designs, or boards and what is built for them here.

    Example: bnnhw list designs
    """
    if what not in LISTS:
        raise ConfigError(f"cannot list '{what}'", hint=f"use one of {', '.join(LISTS)}")
    columns, rows = LISTS[what]()
    if json:
        print_json("bnnhw.list/1", {
            "what": what, "items": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        print_table(what, tuple(columns.values()),
                    [[_in_table(value) for value in row] for row in rows])
