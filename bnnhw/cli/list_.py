"""``bnnhw list``: what there is to choose from."""

from __future__ import annotations

import json as json_
from collections.abc import Callable

import typer

import bnnhw.designs as designs
from bnnhw.arch import ARCHS
from bnnhw.cli.common import print_json, print_table
from bnnhw.config.schema import ITEMS
from bnnhw.device import DEVICES
from bnnhw.errors import ConfigError

__all__ = ["NAME", "command"]

NAME = "list"

Rows = tuple[tuple[str, ...], list[tuple[object, ...]]]


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0].replace("``", "")


def _archs() -> Rows:
    return ("name", "what it is"), [(a.name, a.title) for a in ARCHS.values()]


def _devices() -> Rows:
    return ("name", "what it is"), [(d.name, d.title) for d in DEVICES.values()]


def _layers() -> Rows:
    rows: list[tuple[object, ...]] = [(kind, _first_line(item.__doc__))
                                      for kind, item in ITEMS.items()]
    return ("name", "what it is"), rows


def _designs() -> Rows:
    rows: list[tuple[object, ...]] = []
    for name in designs.names():
        results = json_.loads((designs.path(name) / "results.json").read_text())
        rows.append((name, results["title"], f"{results['accuracy_percent']:.2f} %"))
    return ("name", "what it is", "accuracy"), rows


LISTS: dict[str, Callable[[], Rows]] = {
    "archs": _archs, "devices": _devices, "layers": _layers, "designs": _designs,
}


def command(
    what: str = typer.Argument(..., help=f"One of {', '.join(LISTS)}."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List archs, devices, layers or designs.

    Example: bnnhw list designs
    """
    if what not in LISTS:
        raise ConfigError(f"cannot list '{what}'", hint=f"use one of {', '.join(LISTS)}")
    columns, rows = LISTS[what]()
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(what, columns, rows)
