"""Loads a standard-cell library from Liberty files, with cell areas corrected from LEF files.

A library consists of one Liberty file or several. All readers (this package, Yosys, ABC, OpenSTA)
get the same normalised texts: decompressed, with corrected areas, and in the one syntax that all of
these tools accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from bnnhw.asic.cell import Cell, read_cell, read_defaults
from bnnhw.asic.conditions import Conditions, read_conditions
from bnnhw.asic.files import Source, read_source
from bnnhw.asic.lef import lef_areas
from bnnhw.asic.liberty import Edit, Group, apply_edits, parse_liberty
from bnnhw.asic.nldm import read_templates
from bnnhw.errors import ConfigError, ToolError

__all__ = ["NAMED", "AreaPatch", "CellLibrary", "NamedLibrary", "build_library", "load_library"]


@dataclass(frozen=True)
class NamedLibrary:
    """Files of a library that a Debian package installs."""

    liberty: Path
    lef: Path
    package: str


def _osu(name: str, liberty: str) -> NamedLibrary:
    """Return a library of Oklahoma State University, where Debian's qflow packages install it."""
    folder = Path("/usr/share/qflow/tech") / name
    return NamedLibrary(folder / liberty, folder / f"{name}_stdcells.lef", f"qflow-tech-{name}")


NAMED = {
    "osu018": _osu("osu018", "osu018_stdcells.lib"),
    "osu035": _osu("osu035", "osu035_stdcells.lib"),
    "osu050": _osu("osu050", "osu05_stdcells.lib"),
}

SPECIAL_CELLS = ("*__lpflow_*", "*__probe*", "*__macro*")
"""Name patterns of special cells that a library does not mark as such (SkyWater's sky130). Its
isolation latch is smaller than every real latch and would be chosen instead."""

MAX_CELLS = 20_000
"""Largest number of cells in one Liberty file."""

AREA_TOLERANCE = 1e-3
"""Relative difference above which the area of the LEF file replaces that of the Liberty file."""


@dataclass(frozen=True)
class AreaPatch:
    """A cell whose area differs between Liberty and LEF, both in square micrometres."""

    cell: str
    liberty: float
    lef: float


@dataclass(frozen=True)
class CellLibrary:
    """A standard-cell library with its units and operating conditions.

    Attributes
    ----------
    name : str
        Name in the Liberty file; for several files, their names joined with ``+``.
    texts : tuple of str
        Normalised text of each Liberty file: ASCII, with corrected areas.
    sources : tuple of (str, str)
        Name and SHA-256 of each file as stored on disk.
    conditions : Conditions
        Voltage, temperature and units.
    cells : dict of str to Cell
    patches : tuple of AreaPatch
        Corrected areas of usable cells.
    special_cells : tuple of str
        Name patterns of cells that are not used, in addition to those that the library marks.
    """

    name: str
    texts: tuple[str, ...] = field(repr=False)
    sources: tuple[tuple[str, str], ...]
    conditions: Conditions
    cells: dict[str, Cell] = field(repr=False)
    patches: tuple[AreaPatch, ...]
    special_cells: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file; for several files, of their digests in order."""
        digests = [digest for _, digest in self.sources]
        return digests[0] if len(digests) == 1 else \
            hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @property
    def voltage(self) -> float:
        """Supply voltage in volts."""
        return self.conditions.voltage

    @property
    def time(self) -> float:
        """Unit of time in seconds."""
        return self.conditions.time

    @property
    def capacitance(self) -> float:
        """Unit of capacitance in farads."""
        return self.conditions.capacitance

    @property
    def energy(self) -> float:
        """Unit of energy in joules."""
        return self.conditions.energy

    @property
    def has_delays(self) -> bool:
        """Whether any cell has a table of delays."""
        return any(arc.rise or arc.fall for cell in self.cells.values()
                   for pin in cell.pins.values() for arc in pin.timing)

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write the normalised texts into a folder for other tools, and return the file names."""
        names = tuple(f"cells{k or ''}.lib" for k in range(len(self.texts)))
        for name, text in zip(names, self.texts, strict=True):
            (folder / name).write_text(text, encoding="ascii")
        return names

    def excluded_patterns(self) -> tuple[str, ...]:
        """Return name patterns of all cells that Yosys and ABC must not use.

        These tools do not see the reasons: to ABC a pad is the strongest buffer, and a cell
        without an area costs nothing.
        """
        unusable = (c.name for c in self.cells.values() if not self.is_usable(c))
        return (*self.special_cells, *unusable)

    def is_usable(self, cell: Cell) -> bool:
        """Return whether synthesis may choose a cell."""
        return cell.usable and cell.area > 0 and cell.is_supported and \
            not any(fnmatch(cell.name, pattern) for pattern in self.special_cells)

    def usable(self) -> list[Cell]:
        """Return the usable cells by ascending area; of equal areas, the strongest comes first."""
        def max_load(cell: Cell) -> float:
            return sum(cell.pins[p].max_capacitance for p in cell.outputs)

        return sorted(filter(self.is_usable, self.cells.values()),
                      key=lambda c: (c.area, -max_load(c), c.name))


def load_library(names: str | Sequence[str], lef: Path | Sequence[Path] = ()) -> CellLibrary:
    """Load a library by name or from Liberty files.

    Parameters
    ----------
    names : str or sequence of str
        Each is one of ``NAMED``, or the path of a Liberty file (``.lib``, ``.lib.gz``). Several
        files make one library; they must have the same units, voltage and temperature, and no
        cell in common.
    lef : Path or sequence of Path
        LEF files. Their cell sizes replace the areas of the Liberty files.

    Raises
    ------
    ConfigError
        A file cannot be read or parsed, or two files contradict each other.
    ToolError
        A named library is not installed.
    """
    lefs = [lef] if isinstance(lef, Path) else list(lef)
    paths = []
    for name in [names] if isinstance(names, str) else names:
        path = Path(name)
        if name in NAMED:
            named = NAMED[name]
            if not (named.liberty.exists() and named.lef.exists()):
                raise ToolError(f"the cell library {name} is not installed",
                                hint=f"apt install {named.package}")
            path = named.liberty
            lefs += [] if lef else [named.lef]
        elif not path.exists():
            raise ConfigError("is neither a file nor the name of a known library", where=name,
                              hint=f"give a Liberty file, or one of {', '.join(NAMED)}")
        paths.append(path)
    areas: dict[str, float] = {}
    for path in lefs:
        for macro, area in lef_areas(read_source(path).text, path.name).items():
            if areas.setdefault(macro, area) != area:
                raise ConfigError(f"gives macro '{macro}' another size than an earlier LEF file",
                                  where=path.name, hint="give each cell's LEF file once")
    return make_library([read_source(path) for path in paths], areas)


def build_library(text: str, areas: dict[str, float], file: str) -> CellLibrary:
    """Make a library from the text of one Liberty file and the areas of a LEF file."""
    return make_library([Source(file, text, hashlib.sha256(text.encode()).hexdigest())], areas)


def make_library(sources: Sequence[Source], areas: dict[str, float]) -> CellLibrary:
    """Make a library from Liberty files and the areas of LEF files.

    Raises
    ------
    ConfigError
        A text cannot be parsed, or the files contradict each other.
    """
    parts: list[_LibertyFile] = []
    cells: dict[str, Cell] = {}
    for source in sources:
        part = _read(source)
        for earlier in parts:
            for name in part.cells.keys() & earlier.cells.keys():
                raise ConfigError(f"defines cell '{name}', as {earlier.source.name} does",
                                  where=source.name, hint="give the files of one corner only")
        if parts and part.conditions != parts[0].conditions:
            what = part.conditions.difference(parts[0].conditions)
            raise ConfigError(f"has a different {what} than {parts[0].source.name}",
                              where=source.name, hint="give the files of one corner of one library")
        parts.append(part)
        cells |= part.cells
    if areas and not areas.keys() & cells.keys():
        raise ConfigError("no cell is a macro of the LEF file",
                          where=", ".join(source.name for source in sources),
                          hint="give the LEF file of the same library")
    patches = tuple(AreaPatch(c.name, c.area, areas[c.name]) for c in cells.values()
                    if c.usable and c.name in areas and _differ(c.area, areas[c.name]))
    cells |= {p.cell: cells[p.cell].with_area(p.lef) for p in patches}
    new = {p.cell: p.lef for p in patches}
    names = [part.group.name for part in parts]
    # Tools identify a library by its name, so that two files must not have the same name.
    unique = [name if names.index(name) == k else f"{name}_{k}" for k, name in enumerate(names)]
    return CellLibrary(
        " + ".join(dict.fromkeys(names)),
        tuple(_normalised(part, new, name) for part, name in zip(parts, unique, strict=True)),
        tuple((source.name, source.sha256) for source in sources), parts[0].conditions, cells,
        patches, SPECIAL_CELLS)


@dataclass(frozen=True)
class _LibertyFile:
    """The contents of one Liberty file."""

    source: Source
    group: Group
    cells: dict[str, Cell]
    conditions: Conditions


def _read(source: Source) -> _LibertyFile:
    file = source.name
    group = parse_liberty(source.text, file)
    groups = list(group.all("cell"))
    if not 0 < len(groups) <= MAX_CELLS:
        raise ConfigError(f"has {len(groups)} cells, expected 1 to {MAX_CELLS}", where=file)
    try:
        templates, defaults = read_templates(group), read_defaults(group)
        cells = {g.name: read_cell(g, templates, defaults) for g in groups}
    except ConfigError as error:
        raise ConfigError(error.message, where=f"{file}, {error.where}", hint=error.hint) from None
    return _LibertyFile(source, group, cells, read_conditions(group, file))


def _differ(liberty: float, lef: float) -> bool:
    return abs(liberty - lef) > AREA_TOLERANCE * lef


def _normalised(part: _LibertyFile, areas: dict[str, float], name: str) -> str:
    """Return the text of a file in the syntax that all tools accept, with corrected areas."""
    text, group = part.source.text, part.group
    edits: list[Edit] = list(group.edits)
    if name != group.name:
        end = text.rfind(")", 0, group.span[0])
        edits.append((text.rfind("(", 0, end) + 1, end, name))
    for cell in group.all("cell"):
        if cell.name in areas:
            area = f"{areas[cell.name]:g}"
            edits.append((*cell.area, area) if cell.area is not None else
                         (cell.span[0], cell.span[0], f"\narea : {area};"))
    return apply_edits(text, edits).encode("ascii", "replace").decode()
