"""Synthesises a design with Yosys and counts the cells of each unit of its plan."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnhw.arch import Part
from bnnhw.emit.design import Design
from bnnhw.families import Device
from bnnhw.json_types import Json
from bnnhw.tools.tools import Tools

__all__ = ["SynthReport", "UnitCells", "synthesise"]


@dataclass(frozen=True)
class UnitCells:
    """Cells of one unit by type, and its LUTs, flip-flops and block RAMs."""

    unit: str
    kind: str
    lanes: int
    cells: dict[str, int]
    lut: int
    ff: int
    block: int


@dataclass(frozen=True)
class SynthReport:
    """Cells of a design on a device; LUTs are counted by ``Synthesis.luts``."""

    device: str
    command: str
    units: tuple[UnitCells, ...]

    def rows(self) -> list[tuple[object, ...]]:
        """Rows of a table, one per unit and a total."""
        rows: list[tuple[object, ...]] = []
        for u in self.units:
            per_lane = u.lut / u.lanes if u.lanes else "-"
            rows.append((u.unit, u.kind, u.lut, u.ff, u.block, per_lane))
        lanes = sum(u.lanes for u in self.units)
        lut = sum(u.lut for u in self.units)
        rows.append(("total", "", lut, sum(u.ff for u in self.units),
                     sum(u.block for u in self.units), lut / lanes if lanes else "-"))
        return rows

    def to_json(self) -> Json:
        columns = ("unit", "kind", "lut", "ff", "block_ram", "lut_per_lane")
        rows = [dict(zip(columns, (None if value == "-" else value for value in row), strict=True))
                for row in self.rows()]
        for row, unit in zip(rows, self.units, strict=False):
            row["cells"] = unit.cells
        return {"schema": "bnnhw.synth/2", "device": self.device, "command": self.command,
                "units": rows[:-1], "total": rows[-1]}


def synthesise(design: Design, device: Device, kind: str | None = None) -> SynthReport:
    """Synthesise a design; each unit keeps its module boundary, so that its cells can be counted.

    Parameters
    ----------
    design : Design
    device : Device
    kind : str or None
        Synthesise units of this kind only.

    Raises
    ------
    PlanError
        The family of the device has no synthesis command.
    ToolError
        Yosys is missing or failed.
    """
    synthesis, top = device.family.need_synthesis(), design.plan.name
    options = f" {synthesis.unit_options}" if synthesis.unit_options else ""
    command = f"{synthesis.command}{options} -top {top}"
    with tempfile.TemporaryDirectory(prefix="bnnhw-synth-") as scratch:
        folder = Path(scratch)
        (folder / "core.v").write_text(design.verilog)
        units = [u for u in design.rows.parts if kind in (None, u.kind)]
        others = [u for u in design.rows.parts if u not in units]
        # One copy of a module for each of its instances, then one flat module per unit.
        script = (f"read_verilog core.v; hierarchy -top {top}; uniquify; "
                  f"setattr -mod -set keep_hierarchy 1 {_modules(top, units)}; "
                  f"{'blackbox ' + _modules(top, others) + '; ' if others else ''}"
                  f"{command}; tee -o stat.json stat -json")
        Tools().run("yosys", ["-q", "-p", script], folder)
        modules = json.loads((folder / "stat.json").read_text())["modules"]
    return SynthReport(device.name, command, _count(top, units, device, modules))


def _modules(top: str, units: Sequence[Part]) -> str:
    """Yosys names of units' modules after ``uniquify``."""
    return " ".join(f"{top}.{unit.name}" for unit in units)


def _count(top: str, units: Sequence[Part], device: Device,
           modules: Json) -> tuple[UnitCells, ...]:
    by_name = {name.lstrip("\\"): m["num_cells_by_type"] for name, m in modules.items()}
    counted = []
    for unit in units:
        cells = {k: v for k, v in by_name[f"{top}.{unit.name}"].items()
                 if not k.startswith("$scopeinfo")}
        counted.append(UnitCells(unit.name, unit.kind, unit.products_per_cycle,
                                 dict(sorted(cells.items())),
                                 *device.family.need_synthesis().count(cells)))
    return tuple(counted)
