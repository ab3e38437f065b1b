"""A standard-cell library: its cells, its units, and areas that can be trusted."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from bnnhw.errors import ConfigError, ToolError
from bnnhw.flow.cells.cell import Cell, read_cell, read_templates
from bnnhw.flow.cells.lef import lef_areas
from bnnhw.flow.cells.liberty import Group, parse_liberty, read_text

__all__ = ["NAMED", "CellLibrary", "NamedLibrary", "Patch", "load_library"]


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
        As its file says.
    text : str
        Liberty, with the areas corrected.
    sha256 : str
        Of the file as it was.
    voltage : float
        Volt.
    temperature : float
        Degrees Celsius.
    time, capacitance, energy, leakage : float
        Units in seconds, farads, joules and watts. That of energy is not written: it is the unit
        of capacitance times the square of that of voltage.
    cells : dict of str to Cell
    patches : tuple of Patch
        Of cells that may be used.
    never : tuple of str
        Patterns of the names of cells that are not used, beside those the library marks.
    """

    name: str
    text: str = field(repr=False)
    sha256: str
    voltage: float
    temperature: float
    time: float
    capacitance: float
    energy: float
    leakage: float
    cells: dict[str, Cell] = field(repr=False)
    patches: tuple[Patch, ...]
    never: tuple[str, ...]

    def avoided(self) -> tuple[str, ...]:
        """Patterns of all that must not be used, for tools that do not see why.

        To abc a pad is a buffer, and the strongest one.
        """
        return (*self.never, *(c.name for c in self.cells.values() if not c.usable))

    def usable(self) -> list[Cell]:
        """Cells that may be used, the smallest first; of equal ones the strongest."""
        def strength(cell: Cell) -> float:
            return sum(cell.pins[p].max_capacitance for p in cell.outputs)

        return sorted((c for c in self.cells.values() if c.usable and c.area > 0
                       and not any(fnmatch(c.name, p) for p in self.never)),
                      key=lambda c: (c.area, -strength(c), c.name))


def load_library(name: str, lef: Path | None = None) -> CellLibrary:
    """Load a named library, or any Liberty file.

    Parameters
    ----------
    name : str
        One of ``NAMED``, or a path.
    lef : Path or None
        Sizes of the cells, which are right where those in the Liberty file differ.

    Raises
    ------
    ConfigError
        A file cannot be read or is not understood.
    ToolError
        A named library is not installed.
    """
    path = Path(name)
    if name in NAMED:
        named = NAMED[name]
        path, lef = named.liberty, lef or named.lef
        if not (named.liberty.exists() and lef.exists()):
            raise ToolError(f"the cell library {name} is not installed",
                            hint=f"apt install {named.package}")
    elif not path.exists():
        raise ConfigError("is neither a file nor a library that is known", where=name,
                          hint=f"name a Liberty file, or {', '.join(NAMED)}")
    text = read_text(path)
    areas = lef_areas(read_text(lef), lef.name) if lef is not None else {}
    return build_library(text, areas, path.name)


def build_library(text: str, areas: dict[str, float], file: str) -> CellLibrary:
    """Make a library of the text of a Liberty file and areas from a LEF file."""
    group = parse_liberty(text, file)
    templates = read_templates(group)
    groups = list(group.all("cell"))
    if not 0 < len(groups) <= MAX_CELLS:
        raise ConfigError(f"has {len(groups)} cells, expected 1 to {MAX_CELLS}", where=file)
    try:
        cells = {g.name: read_cell(g, templates) for g in groups}
    except ConfigError as error:
        raise ConfigError(error.message, where=f"{file}, {error.where}", hint=error.hint) from None
    patches = tuple(Patch(c.name, c.area, areas[c.name]) for c in cells.values()
                    if c.usable and c.name in areas and _differ(c.area, areas[c.name]))
    cells |= {p.cell: cells[p.cell].with_area(p.lef) for p in patches}
    voltage, temperature = _conditions(group)
    capacitance = _capacitance(group, file)
    energy = capacitance * _unit(group, "voltage_unit", "v", 1.0, file) ** 2
    return CellLibrary(group.name, _patched(text, groups, patches),
                       hashlib.sha256(text.encode()).hexdigest(), voltage, temperature,
                       _unit(group, "time_unit", "s", 1e-9, file), capacitance, energy,
                       _unit(group, "leakage_power_unit", "w", 1e-9, file), cells, patches, NEVER)


def _differ(liberty: float, lef: float) -> bool:
    return abs(liberty - lef) > AREA_TOLERANCE * lef


def _patched(text: str, groups: list[Group], patches: tuple[Patch, ...]) -> str:
    """The text with areas replaced, which other tools read."""
    new = {p.cell: p.lef for p in patches}
    parts, at = [], 0
    for group in groups:
        if group.name not in new:
            continue
        begin, end = group.span
        body, area = text[begin:end], f"area : {new[group.name]:g};"
        found = re.search(r"\barea\s*:\s*[^;\n}]*;?", body)
        body = body[:found.start()] + area + body[found.end():] if found else f"\n{area}{body}"
        parts += [text[at:begin], body]
        at = end
    return "".join(parts) + text[at:]


def _conditions(library: Group) -> tuple[float, float]:
    """Voltage and temperature that the tables hold for."""
    name = library.simple.get("default_operating_conditions")
    found = next((g for g in library.all("operating_conditions") if g.name == name), None)
    voltage = library.number("nom_voltage", 0.0)
    temperature = library.number("nom_temperature", 25.0)
    if found is not None:
        voltage = found.number("voltage", voltage)
        temperature = found.number("temperature", temperature)
    if not 0 < voltage < 100:
        raise ConfigError("has no voltage (nom_voltage)", where=library.name)
    return voltage, temperature


PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def _unit(library: Group, name: str, base: str, default: float, file: str) -> float:
    """Such as ``1ns``."""
    text = library.simple.get(name)
    if text is None:
        return default
    match = re.fullmatch(rf"\s*([\d.]+)\s*([munpf]?){base}\s*", text.lower())
    if match is None:
        raise ConfigError(f"'{name}' is {text[:40]!r}", where=file)
    return float(match[1]) * PREFIXES[match[2]]


def _capacitance(library: Group, file: str) -> float:
    values = library.complex.get("capacitive_load_unit", ("1", "pf"))
    match = re.fullmatch(r"([\d.]+)\s*([munpf]?)f", " ".join(values).replace(",", "").lower())
    if match is None:
        raise ConfigError(f"'capacitive_load_unit' is {values}", where=file)
    return float(match[1]) * PREFIXES[match[2]]
