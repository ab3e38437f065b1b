"""Area report of a mapped design: area and cells of each unit, and operations per area."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypedDict

from bnnhw.asic.mapping import Mapped
from bnnhw.asic.roles import KINDS, kind_of
from bnnhw.asic.shims import GATE_MARK
from bnnhw.emit.design import Design

__all__ = ["SCHEMA", "CellReport", "UnitArea", "make_report", "products_per_frame"]

SCHEMA = "bnnhw.cells/2"


@dataclass(frozen=True)
class UnitArea:
    """Area of one unit of a design.

    Attributes
    ----------
    unit, kind : str
    lanes : int
        Products that the unit computes in each busy cycle.
    area : dict of str to float
        Area in square micrometres, by ``KINDS``.
    count : dict of str to int
        Number of cells, by ``KINDS``; a clock gate of several cells counts as one.
    cells : dict of str to int
        Number of cells, by cell name.
    """

    unit: str
    kind: str
    lanes: int
    area: dict[str, float]
    count: dict[str, int]
    cells: dict[str, int]

    @property
    def total(self) -> float:
        """Area in square micrometres."""
        return sum(self.area.values())


class SourceFile(TypedDict):
    """A Liberty file that a report refers to."""

    name: str
    sha256: str


class LibraryInfo(TypedDict):
    """The library of a report, with the keys of the JSON document."""

    name: str
    voltage: float
    temperature: float | None
    sha256: str
    files: list[SourceFile]


@dataclass(frozen=True)
class CellReport:
    """Area of a design in the cells of a library.

    Attributes
    ----------
    design : str
    units : tuple of UnitArea
        Units of the plan, then the cells between them if there are any.
    gate : float
        Area of a gate equivalent (the smallest NAND2) in square micrometres.
    gate_cell : str
        Name of that cell.
    products : int
        Products of a weight and an input per frame.
    cycles : int
        Cycles per frame.
    library : LibraryInfo
        Its temperature is None if the library does not give it.
    patches : tuple of (str, float, float)
        Cells whose areas differ between Liberty and LEF file, both in square micrometres.
    fallbacks, warnings : tuple of str
        Those of ``Mapped``.
    yosys : str
        Version of Yosys.
    buffered : bool
    """

    design: str
    units: tuple[UnitArea, ...]
    gate: float
    gate_cell: str
    products: int
    cycles: int
    library: LibraryInfo
    patches: tuple[tuple[str, float, float], ...]
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]
    yosys: str
    buffered: bool

    @property
    def conditions(self) -> str:
        """Library, voltage and temperature, for people."""
        temperature = self.library["temperature"]
        return f"{self.library['name']} at {self.library['voltage']:g} V and " + \
            ("an unknown temperature" if temperature is None else f"{temperature:g} C")

    def sentence(self) -> str:
        """Return area and operations per cycle and area as one line for people."""
        how = "buffered" if self.buffered else "without buffers"
        peak = f", peak {self.peak:,} Op/cycle ({self.peak / self.kilo_gates:.2f} Op/cycle/kGE)" \
            if self.peak else ""
        return (f"{self.kilo_gates:.2f} kGE before layout, {how}; sustained "
                f"{self.operations:,.1f} Op/cycle ({self.operations / self.kilo_gates:.2f} "
                f"Op/cycle/kGE){peak}")

    @property
    def area(self) -> float:
        """Area in square micrometres."""
        return sum(unit.total for unit in self.units)

    @property
    def kilo_gates(self) -> float:
        """Area in thousands of gate equivalents (kGE)."""
        return self.area / self.gate / 1000

    @property
    def operations(self) -> float:
        """Sustained operations per cycle; a product and its addition are two operations."""
        return 2 * self.products / self.cycles

    @property
    def peak(self) -> int:
        """Operations per cycle while every lane is busy."""
        return 2 * sum(unit.lanes for unit in self.units)

    def columns(self) -> tuple[str, ...]:
        """Return the column titles of ``rows``."""
        return ("unit", "kind", "kGE", "um2", *KINDS, "GE per lane")

    def rows(self) -> list[tuple[str | float, ...]]:
        """Return the rows of a table: one for each unit, and a total."""
        rows: list[tuple[str | float, ...]] = []
        for u in self.units:
            per_lane = u.total / self.gate / u.lanes if u.lanes else "-"
            rows.append((u.unit, u.kind, u.total / self.gate / 1000, u.total,
                         *(u.count[k] for k in KINDS), per_lane))
        lanes = sum(u.lanes for u in self.units)
        rows.append(("total", "", self.kilo_gates, self.area,
                     *(sum(u.count[k] for u in self.units) for k in KINDS),
                     self.area / self.gate / lanes if lanes else "-"))
        return rows

    def to_json(self) -> dict[str, object]:
        def entry(unit: UnitArea) -> dict[str, object]:
            return {"unit": unit.unit, "kind": unit.kind, "lanes": unit.lanes,
                    "kge": unit.total / self.gate / 1000, "area_um2": unit.total,
                    "area_um2_by_kind": unit.area, "count_by_kind": unit.count,
                    "ge_per_lane": unit.total / self.gate / unit.lanes if unit.lanes else None,
                    "cells": unit.cells}

        return {
            "schema": SCHEMA, "design": self.design, "library": self.library,
            "gate_equivalent": {"cell": self.gate_cell, "area_um2": self.gate},
            "yosys": self.yosys, "buffered": self.buffered,
            "units": [entry(unit) for unit in self.units],
            "total": {"kge": self.kilo_gates, "area_um2": self.area,
                      "count_by_kind": {k: sum(u.count[k] for u in self.units) for k in KINDS}},
            "products_per_frame": self.products, "cycles_per_frame": self.cycles,
            "op_per_cycle": self.operations,
            "op_per_cycle_per_kge": self.operations / self.kilo_gates,
            "peak_op_per_cycle": self.peak,
            "peak_op_per_cycle_per_kge": self.peak / self.kilo_gates,
            "area_patches": [{"cell": c, "liberty_um2": a, "lef_um2": b}
                             for c, a, b in self.patches],
            "fallbacks": list(self.fallbacks), "warnings": list(self.warnings),
        }


def products_per_frame(design: Design) -> int:
    """Return the products of a weight and an input per frame, including those with padding.

    For a job-based core, only the products that the core computes count, not those of the host.
    """
    return design.architecture.products_per_frame(design.plan, design.graph)


def make_report(design: Design, mapped: Mapped) -> CellReport:
    """Return the area and the number of cells of each unit of a mapped design."""
    library, top = mapped.library, mapped.top
    units = []
    for part in design.rows.parts:
        units.append(_area(mapped, f"{top}.{part.name}", part.name, part.kind,
                           part.products_per_cycle))
    between = _area(mapped, top, "between", "wiring", 0)
    if between.cells:
        units.append(between)
    nand2 = mapped.roles.nand2.cell
    return CellReport(
        design.plan.name, tuple(units), gate=nand2.area, gate_cell=nand2.name,
        products=products_per_frame(design), cycles=design.plan.ii,
        library={"name": library.name, "voltage": library.voltage,
                 "temperature": library.conditions.temperature, "sha256": library.sha256,
                 "files": [{"name": name, "sha256": digest}
                           for name, digest in library.sources]},
        patches=tuple((p.cell, p.liberty, p.lef) for p in library.patches),
        fallbacks=mapped.fallbacks, warnings=mapped.warnings, yosys=mapped.yosys,
        buffered=mapped.buffered)


def _area(mapped: Mapped, module: str, name: str, kind: str, lanes: int) -> UnitArea:
    area, count = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0)
    cells: Counter[str] = Counter()
    for instance, cell in mapped.modules[module]["cells"].items():
        if cell["type"] not in mapped.library.cells:
            continue  # the instance of a unit in the top module
        known = mapped.library.cells[cell["type"]]
        cells[known.name] += 1
        in_clock_gate = GATE_MARK in instance
        group = "ICG" if in_clock_gate else kind_of(known)
        area[group] += known.area
        # Of the cells of one clock gate, only the one that stores a bit is counted.
        count[group] += not in_clock_gate or known.state is not None or bool(known.gating)
    return UnitArea(name, kind, lanes, area, count, dict(sorted(cells.items())))
