"""What a mapped design takes: area of each unit, by kinds of cells, and what it does for it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bnnhw.arch import get_arch
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.roles import KINDS, kind_of
from bnnhw.asic.shims import GATE_MARK
from bnnhw.emit.design import Design
from bnnhw.layers import Product

__all__ = ["SCHEMA", "CellReport", "UnitArea", "make_report", "products_a_frame"]

SCHEMA = "bnnhw.cells/2"


@dataclass(frozen=True)
class UnitArea:
    """One unit in cells.

    Attributes
    ----------
    unit, kind : str
    lanes : int
        Products a cycle; 0 where the unit makes none.
    area : dict of str to float
        Square micrometres, by ``KINDS``.
    count : dict of str to int
        Cells, by ``KINDS``; a clock gate that is made of several cells is one.
    cells : dict of str to int
        Cells, by name.
    """

    unit: str
    kind: str
    lanes: int
    area: dict[str, float]
    count: dict[str, int]
    cells: dict[str, int]

    @property
    def total(self) -> float:
        """Square micrometres."""
        return sum(self.area.values())


@dataclass(frozen=True)
class CellReport:
    """Area of a design in a library.

    Attributes
    ----------
    design : str
    units : tuple of UnitArea
        Of the plan, then what lies between them if that is anything.
    gate : float
        Area of a gate equivalent (the smallest NAND2) in square micrometres.
    gate_cell : str
        Name of that cell.
    products : int
        Products of two numbers that a frame takes.
    cycles : int
        Cycles a frame.
    library : dict
        Name, voltage, temperature (None where it is not given), digest, files.
    patches : tuple of (str, float, float)
        Cells whose area in the Liberty file was not that of the LEF file, both in um2.
    fallbacks, warnings : tuple of str
    yosys : str
    buffered : bool
    """

    design: str
    units: tuple[UnitArea, ...]
    gate: float
    gate_cell: str
    products: int
    cycles: int
    library: dict[str, Any]
    patches: tuple[tuple[str, float, float], ...]
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]
    yosys: str
    buffered: bool

    @property
    def conditions(self) -> str:
        """Library, voltage and temperature in words."""
        temperature = self.library["temperature"]
        return f"{self.library['name']} at {self.library['voltage']:g} V and " + \
            ("an unknown temperature" if temperature is None else f"{temperature:g} C")

    def sentence(self) -> str:
        how = "buffered" if self.buffered else "without buffers"
        lanes = f", {self.peak:,} at most: {self.peak / self.kilo_gates:.2f}" if self.peak else ""
        return (f"{self.kilo_gates:.2f} kGE before layout, {how}; Op a cycle, and by kGE: "
                f"{self.operations:,.1f} sustained: {self.operations / self.kilo_gates:.2f}{lanes}")

    @property
    def area(self) -> float:
        """Square micrometres."""
        return sum(unit.total for unit in self.units)

    @property
    def kilo_gates(self) -> float:
        """Thousand gate equivalents (kGE)."""
        return self.area / self.gate / 1000

    @property
    def operations(self) -> float:
        """Operations a cycle: a product and its addition are two."""
        return 2 * self.products / self.cycles

    @property
    def peak(self) -> int:
        """Operations a cycle while every lane has something to multiply."""
        return 2 * sum(unit.lanes for unit in self.units)

    def columns(self) -> tuple[str, ...]:
        return ("unit", "kind", "kGE", "um2", *KINDS, "GE per lane")

    def rows(self) -> list[tuple[Any, ...]]:
        """Rows of a table, with a total; a column for the cells of each kind."""
        rows: list[tuple[Any, ...]] = []
        for u in self.units:
            per_lane = u.total / self.gate / u.lanes if u.lanes else "-"
            rows.append((u.unit, u.kind, u.total / self.gate / 1000, u.total,
                         *(u.count[k] for k in KINDS), per_lane))
        lanes = sum(u.lanes for u in self.units)
        rows.append(("total", "", self.kilo_gates, self.area,
                     *(sum(u.count[k] for u in self.units) for k in KINDS),
                     self.area / self.gate / lanes if lanes else "-"))
        return rows

    def to_json(self) -> dict[str, Any]:
        def entry(unit: UnitArea) -> dict[str, Any]:
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


def products_a_frame(design: Design) -> int:
    """Products of a weight and an input, those with padding among them.

    Of a core that runs jobs, those that it computes and not the host.
    """
    plan: Any = design.plan
    if get_arch(plan.arch).jobs:
        return sum(layer.macs() for layer in plan.layers) // plan.batch
    graph = design.graph
    return sum(layer.outputs * layer.fan_in * math.prod(layer.positions())
               for layer in graph.layers if isinstance(layer, Product))


def make_report(design: Design, mapped: Mapped) -> CellReport:
    """Count the cells of each unit."""
    library, top = mapped.library, mapped.top
    units = []
    for unit in design.plan.units:
        units.append(_area(mapped, f"{top}.{unit.name}", unit.name, unit.kind,
                           _lanes(unit.summary())))
    between = _area(mapped, top, "between", "wiring", 0)
    if between.cells:
        units.append(between)
    return CellReport(
        design.plan.name, tuple(units), mapped.roles.nand.cell.area, mapped.roles.nand.cell.name,
        products_a_frame(design), design.plan.ii,
        {"name": library.name, "voltage": library.voltage,
         "temperature": library.conditions.temperature, "sha256": library.sha256,
         "files": [{"name": name, "sha256": digest} for name, digest in library.sources]},
        tuple((p.cell, p.liberty, p.lef) for p in library.patches), mapped.fallbacks,
        mapped.warnings, mapped.yosys, mapped.buffered)


def _lanes(summary: dict[str, Any]) -> int:
    """Products a cycle, by what a unit says of itself."""
    if "pe" in summary:
        return int(summary["pe"]) * int(summary["simd"])
    known = summary.get("lanes", summary.get("synapses", 0))
    return known if isinstance(known, int) else 0  # converters have lanes of words


def _area(mapped: Mapped, module: str, name: str, kind: str, lanes: int) -> UnitArea:
    area, count = dict.fromkeys(KINDS, 0.0), dict.fromkeys(KINDS, 0)
    cells: Counter[str] = Counter()
    for instance, cell in mapped.modules[module]["cells"].items():
        if cell["type"] not in mapped.library.cells:
            continue  # a unit inside the top
        known = mapped.library.cells[cell["type"]]
        cells[known.name] += 1
        part = GATE_MARK in instance
        what = "ICG" if part else kind_of(known)
        area[what] += known.area
        # Of the cells of one gate, the one that stores is counted.
        count[what] += not part or known.state is not None or bool(known.gating)
    return UnitArea(name, kind, lanes, area, count, dict(sorted(cells.items())))
