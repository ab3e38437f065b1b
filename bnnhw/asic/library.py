"""A standard-cell library: its cells, its units, and areas that can be trusted.

A library is one Liberty file or several. Whatever reads it (this package, Yosys, ABC, OpenSTA) gets
the same normalised texts: decompressed, with corrected areas, and in the one form that all of these
tools accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from bnnhw.asic.cell import Cell, read_cell, read_defaults
from bnnhw.asic.files import Source, read_source
from bnnhw.asic.lef import lef_areas
from bnnhw.asic.liberty import Edit, Group, apply_edits, parse_liberty
from bnnhw.asic.tables import read_templates
from bnnhw.asic.units import Conditions, read_conditions
from bnnhw.errors import ConfigError, ToolError

__all__ = ["NAMED", "CellLibrary", "NamedLibrary", "Patch", "build_library", "load_library"]


@dataclass(frozen=True)
class NamedLibrary:
    """A library that a package of the distribution installs."""

    liberty: Path
    lef: Path
    package: str


def _osu(name: str, liberty: str) -> NamedLibrary:
    """One of Oklahoma State University's, where Debian's packages of qflow put it."""
    folder = Path("/usr/share/qflow/tech") / name
    return NamedLibrary(folder / liberty, folder / f"{name}_stdcells.lef", f"qflow-tech-{name}")


NAMED = {
    "osu018": _osu("osu018", "osu018_stdcells.lib"),
    "osu035": _osu("osu035", "osu035_stdcells.lib"),
    "osu050": _osu("osu050", "osu05_stdcells.lib"),
}

NEVER = ("*__lpflow_*", "*__probe*", "*__macro*")
"""Cells that only look like logic: of SkyWater's library, which does not mark them. An isolation
latch there is smaller than any latch and would be chosen."""

MAX_CELLS = 20_000
AREA_TOLERANCE = 1e-3
"""Relative difference of areas from which on the drawn one is taken."""


@dataclass(frozen=True)
class Patch:
    """An area that was wrong, in square micrometres."""

    cell: str
    liberty: float
    lef: float


@dataclass(frozen=True)
class CellLibrary:
    """A library as the flow uses it.

    Attributes
    ----------
    name : str
        As its file gives it; of several files, their names with ``+`` between.
    texts : tuple of str
        Liberty of each file, normalised: ASCII, with corrected areas.
    sources : tuple of (str, str)
        Name and SHA-256 of each file as it is stored.
    conditions : Conditions
        Voltage, temperature and units.
    cells : dict of str to Cell
    patches : tuple of Patch
        Of cells that may be used.
    never : tuple of str
        Patterns of the names of cells that are not used, besides those the library marks.
    """

    name: str
    texts: tuple[str, ...] = field(repr=False)
    sources: tuple[tuple[str, str], ...]
    conditions: Conditions
    cells: dict[str, Cell] = field(repr=False)
    patches: tuple[Patch, ...]
    never: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Digest of the file; of several files, that of their digests in order."""
        digests = [digest for _, digest in self.sources]
        return digests[0] if len(digests) == 1 else \
            hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @property
    def voltage(self) -> float:
        """Volt."""
        return self.conditions.voltage

    @property
    def time(self) -> float:
        """Seconds of a time unit."""
        return self.conditions.time

    @property
    def capacitance(self) -> float:
        """Farads of a capacitance unit."""
        return self.conditions.capacitance

    @property
    def energy(self) -> float:
        """Joules of an energy unit."""
        return self.conditions.energy

    @property
    def has_delays(self) -> bool:
        """Whether any cell has a table of delays."""
        return any(arc.rise or arc.fall for cell in self.cells.values()
                   for pin in cell.pins.values() for arc in pin.timing)

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write the normalised texts into a folder, for other tools; returns the file names."""
        names = tuple(f"cells{k or ''}.lib" for k in range(len(self.texts)))
        for name, text in zip(names, self.texts, strict=True):
            (folder / name).write_text(text, encoding="ascii")
        return names

    def avoided(self) -> tuple[str, ...]:
        """Patterns of all that must not be used, for tools that do not see why.

        To abc a pad is a buffer, and the strongest one. A cell without an area looks free.
        """
        return (*self.never, *(c.name for c in self.cells.values() if not self.is_usable(c)))

    def is_usable(self, cell: Cell) -> bool:
        """Whether synthesis may choose a cell."""
        return cell.usable and cell.area > 0 and cell.understood and \
            not any(fnmatch(cell.name, pattern) for pattern in self.never)

    def usable(self) -> list[Cell]:
        """Cells that may be used, the smallest first; of equal ones the strongest."""
        def strength(cell: Cell) -> float:
            return sum(cell.pins[p].max_capacitance for p in cell.outputs)

        return sorted(filter(self.is_usable, self.cells.values()),
                      key=lambda c: (c.area, -strength(c), c.name))


def load_library(names: str | Sequence[str], lef: Path | Sequence[Path] = ()) -> CellLibrary:
    """Load a named library, or any Liberty files.

    Parameters
    ----------
    names : str or sequence of str
        Each is one of ``NAMED``, or the path of a Liberty file (``.lib``, ``.lib.gz``). Several
        files make one library; they must have the same units, voltage and temperature, and no
        cell in common.
    lef : Path or sequence of Path
        LEF files, whose sizes of cells count where the Liberty file has other areas.

    Raises
    ------
    ConfigError
        A file cannot be read or is not understood, or two files do not fit together.
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
            raise ConfigError("is neither a file nor a library that is known", where=name,
                              hint=f"name a Liberty file, or {', '.join(NAMED)}")
        paths.append(path)
    areas: dict[str, float] = {}
    for path in lefs:
        for macro, area in lef_areas(read_source(path).text, path.name).items():
            if areas.setdefault(macro, area) != area:
                raise ConfigError(f"gives macro '{macro}' another size than an earlier LEF file",
                                  where=path.name, hint="give each cell's LEF file once")
    return make_library([read_source(path) for path in paths], areas)


def build_library(text: str, areas: dict[str, float], file: str) -> CellLibrary:
    """Make a library of the text of one Liberty file and areas from a LEF file."""
    return make_library([Source(file, text, hashlib.sha256(text.encode()).hexdigest())], areas)


def make_library(sources: Sequence[Source], areas: dict[str, float]) -> CellLibrary:
    """Make a library of Liberty files and the areas of LEF files.

    Raises
    ------
    ConfigError
        A text is not understood, or the files do not fit together.
    """
    parts: list[_Part] = []
    cells: dict[str, Cell] = {}
    for source in sources:
        part = _read(source)
        for earlier in parts:
            for name in part.cells.keys() & earlier.cells.keys():
                raise ConfigError(f"has a cell '{name}', as {earlier.source.name} has",
                                  where=source.name, hint="give one corner of each library")
        if parts and part.conditions != parts[0].conditions:
            what = part.conditions.difference(parts[0].conditions)
            raise ConfigError(f"has another {what} than {parts[0].source.name}",
                              where=source.name, hint="give files of one corner of one library")
        parts.append(part)
        cells |= part.cells
    if areas and not areas.keys() & cells.keys():
        raise ConfigError("none of the cells is a macro of the LEF file",
                          where=", ".join(source.name for source in sources),
                          hint="name the LEF file of the same library")
    patches = tuple(Patch(c.name, c.area, areas[c.name]) for c in cells.values()
                    if c.usable and c.name in areas and _differ(c.area, areas[c.name]))
    cells |= {p.cell: cells[p.cell].with_area(p.lef) for p in patches}
    new = {p.cell: p.lef for p in patches}
    names = [part.group.name for part in parts]
    # Tools find a library by its name, so that two files must not have the same one.
    unique = [name if names.index(name) == k else f"{name}_{k}" for k, name in enumerate(names)]
    return CellLibrary(
        " + ".join(dict.fromkeys(names)),
        tuple(_normalised(part, new, name) for part, name in zip(parts, unique, strict=True)),
        tuple((source.name, source.sha256) for source in sources), parts[0].conditions, cells,
        patches, NEVER)


@dataclass(frozen=True)
class _Part:
    """One Liberty file."""

    source: Source
    group: Group
    cells: dict[str, Cell]
    conditions: Conditions


def _read(source: Source) -> _Part:
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
    return _Part(source, group, cells, read_conditions(group, file))


def _differ(liberty: float, lef: float) -> bool:
    return abs(liberty - lef) > AREA_TOLERANCE * lef


def _normalised(part: _Part, areas: dict[str, float], name: str) -> str:
    """The text of a file in the form that all tools read, with its areas corrected."""
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
