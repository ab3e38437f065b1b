"""The open tool flow of a family after synthesis: place-and-route, constraints, bitstream, PLLs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from bnnhw.families import yosys_json
from bnnhw.families.cell_netlist import Module
from bnnhw.families.parts import Budget, Part, Pin
from bnnhw.families.pll import PllMaker

__all__ = ["LARGE", "MOST_LUTS", "Constraints", "Flow", "NotABitstreamError", "Packer",
           "PlaceAndRoute", "Share", "Tool", "Unpacker"]

Share = tuple[float, float]
"""Fractions of a part's LUTs (and flip-flops) and of its block RAM."""

MOST_LUTS = 33_000
"""Largest LUT count for which nextpnr is expected to finish (28,900 LUTs took 45 minutes)."""

LARGE = 15_000
"""Cell count above which large-netlist options are used; the defaults take hours there, or never
converge."""


@dataclass(frozen=True)
class Tool:
    """A program, its YoWASP package and entry function, and the extra of bnnhw that installs it."""

    program: str
    package: str
    entry: str
    extra: str


@dataclass(frozen=True)
class PlaceAndRoute:
    """How nextpnr is called for a family.

    Parameters
    ----------
    tool : Tool
    unconstrained : tuple of str
        Arguments for a core whose ports have no pins.
    constrained, outputs : tuple of str
        Arguments for a board: its constraint file, as ``{constraints}``, and the file that the
        packer reads.
    cells : dict of str to tuple of str
        Patterns (``fnmatch``) of the cell types of a placed netlist, and of those that nextpnr's
        messages name, by ``lut``, ``ff`` and ``block``.
    full : Share
        Largest share of a part that a plan without a goal may take: the LUT estimate has an error,
        and routing needs space.
    options, large_options : tuple of str
        Placer and router for netlists of up to ``LARGE`` cells, and for larger ones.
    large_core_options : tuple of str
        Further options for a larger netlist of a core alone.
    ease : (str, callable) or None
        Changes the synthesised netlist file so that it is easier to place and route, with a name
        of that change, which is part of the key of cached results.
    ff_parameter : str
        Parameter that is set in logic cells which contain a flip-flop; empty where flip-flops are
        cells of their own.
    """

    tool: Tool
    unconstrained: tuple[str, ...]
    constrained: tuple[str, ...]
    outputs: tuple[str, ...]
    cells: dict[str, tuple[str, ...]]
    full: Share
    options: tuple[str, ...] = ()
    large_options: tuple[str, ...] = ()
    large_core_options: tuple[str, ...] = ()
    ease: tuple[str, Callable[[Path], int]] | None = None
    ff_parameter: str = ""

    def count(self, cell: yosys_json.Cell) -> tuple[int, int, int]:
        """LUTs, flip-flops and block RAMs of a placed cell, each 0 or 1."""
        lut, ff, block = (self._is(what, cell["type"]) for what in ("lut", "ff", "block"))
        ff_bits = str(cell.get("parameters", {}).get(self.ff_parameter, "0"))
        return int(lut), int(ff or ff_bits.strip("0") != ""), int(block)

    def names_block(self, message: str) -> bool:
        """Whether a message of nextpnr names a type of block RAM, in singular or plural."""
        words = re.findall(r"\w+", message)
        return any(self._is("block", name) for word in words
                   for name in (word, word.removesuffix("s")))

    def _is(self, what: str, cell_type: str) -> bool:
        return any(fnmatchcase(cell_type, pattern) for pattern in self.cells[what])

    def options_for(self, netlist: Path, core: bool = False) -> tuple[str, ...]:
        """Placer and router options for a synthesised netlist, of a board or of a core alone."""
        modules = json.loads(netlist.read_bytes())["modules"].values()
        cells = sum(not cell["type"].startswith("$")
                    for module in modules for cell in module["cells"].values())
        if cells <= LARGE:
            return self.options
        return self.large_options + (self.large_core_options if core else ())

    def share(self, budget: Budget) -> Share:
        """Largest share of a part that a plan without a goal may take."""
        return min(self.full[0], MOST_LUTS / budget.luts), self.full[1]


@dataclass(frozen=True)
class Constraints:
    """The pin constraint file of a family.

    Parameters
    ----------
    file : str
        Its name.
    write : callable
        Writes the file from pins by port name and the frequency of the port ``clk`` in Hz.
    """

    file: str
    write: Callable[[Mapping[str, Pin], float], str]


class NotABitstreamError(Exception):
    """What is wrong with a file that should be a bitstream, as the predicate of a sentence."""


@dataclass(frozen=True)
class Packer:
    """The program that makes the bitstream, and how to tell which device a bitstream is for.

    Parameters
    ----------
    tool : Tool
    arguments : callable
        Its arguments for a part; it runs where place and route wrote its files.
    file : str
        Name of the bitstream file.
    read_device : callable
        The device identifier in a bitstream; raises ``NotABitstreamError``.
    devices : dict of str to object
        Device identifiers by prefix of the part's name.
    """

    tool: Tool
    arguments: Callable[[Part], list[str]]
    file: str
    read_device: Callable[[bytes], object]
    devices: Mapping[str, object]


@dataclass(frozen=True)
class Unpacker:
    """How a bitstream is unpacked to text and compared with the routed netlist it was made from.

    Parameters
    ----------
    tool : Tool
    arguments : tuple of str
        Its arguments: it reads the bitstream ``bits`` and writes the file ``text``.
    compare : callable
        Compares the netlist with the text; returns the numbers of equal routing switches, LUTs and
        block RAMs, or raises ``MismatchError``.
    switch_ends : callable
        The wires that a switch of the netlist connects, source first, as ``X1/Y2/name``; None if
        its name cannot be parsed.
    clock_tree : tuple of str
        Prefixes of the names of wires that are connected without switches.
    """

    tool: Tool
    arguments: tuple[str, ...]
    compare: Callable[[Module, str], tuple[int, int, int]]
    switch_ends: Callable[[str], tuple[str, str] | None]
    clock_tree: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """The tools of a family after synthesis.

    Parameters
    ----------
    place_and_route : PlaceAndRoute
    packer : Packer
    constraints : Constraints
    plls : mapping of str to callable
        PLLs by name, see ``pll.PllMaker``.
    parts : mapping of str to Part
        Parts beyond those of the family's devices that a core can be placed on, by name.
    unpacker : Unpacker or None
        None: bitstreams cannot be compared with netlists.
    """

    place_and_route: PlaceAndRoute
    packer: Packer
    constraints: Constraints
    plls: Mapping[str, PllMaker]
    parts: Mapping[str, Part] = field(default_factory=dict)
    unpacker: Unpacker | None = None
