"""Types of the JSON documents in which Yosys writes netlists (``write_json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

from bnnhw.asic.assignments import Net

__all__ = ["YosysCell", "YosysDocument", "YosysModule", "YosysNet", "YosysPort", "read_yosys_json"]


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
    """A whole document: the version of Yosys, and the modules by name."""

    creator: str
    modules: dict[str, YosysModule]


def read_yosys_json(path: Path) -> YosysDocument:
    """Read a netlist that Yosys has written; its structure is not checked again."""
    return cast(YosysDocument, json.loads(path.read_text()))
