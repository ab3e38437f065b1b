"""From the Verilog of a design to a netlist of a library's cells, with Yosys."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.asic.fanout import buffer_outputs
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.roles import Roles, find_roles, input_load, why_no_latch
from bnnhw.asic.shims import flop_map, mapped_shims, needed_shims
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, ToolError
from bnnhw.tools.tools import Tools

__all__ = ["Mapped", "check_mappable", "map_design", "map_verilog"]

AREA = "-script +strash;&get,-n;&dch,-f;&nf,-a,10;&put"
"""For the smallest cells: a tenth less of a latch memory than with abc's own script."""

WRITE_UNITS = "write_verilog -noattr -noexpr -simple-lhs units.v"


@dataclass(frozen=True)
class Mapped:
    """A design in the cells of a library.

    Attributes
    ----------
    top : str
    library : CellLibrary
    roles : Roles
    modules : dict
        Yosys JSON of the modules: the top and one for each unit.
    verilog : str
        The netlist with a module for each unit.
    flat : str
        The netlist as one module; names of a unit's cells and nets begin with the unit.
    netlist : dict
        Yosys JSON of ``flat`` as it is read back, so that its names are those of a simulation.
    fallbacks : tuple of str
        What the library has no cell for, and what stands for it.
    warnings : tuple of str
        Of Yosys' check of the netlist.
    yosys : str
        Version.
    buffered : bool
    """

    top: str
    library: CellLibrary
    roles: Roles
    modules: dict[str, Any]
    verilog: str
    flat: str
    netlist: dict[str, Any]
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]
    yosys: str
    buffered: bool

    @property
    def equivalents(self) -> float:
        """Area in NAND gates."""
        cells = self.library.cells
        return sum(cells[cell["type"]].area for cell in self.netlist["cells"].values()
                   if cell["type"] in cells) / self.roles.nand.cell.area


def map_design(design: Design, library: CellLibrary, buffered: bool = True,
               done: Callable[[float], None] | None = None) -> Mapped:
    """Map a design; each unit of its plan stays a module of its own.

    Parameters
    ----------
    design : Design
    library : CellLibrary
    buffered : bool
        Buffers and larger cells where an output would drive more than it is made for; else the
        smallest cells, which no layout could use as they are.
    done : callable or None
        Receives the fraction of the commands that Yosys has run.

    Raises
    ------
    ConfigError
        The library lacks what the design needs, or the design has an FPGA's memories.
    ToolError
        Yosys is missing or failed, or left something unmapped.
    """
    check_mappable(design, library)
    return map_verilog(design.verilog, design.plan.name, library,
                       [unit.name for unit in design.plan.units], buffered, done)


def check_mappable(design: Design, library: CellLibrary) -> Roles:
    """Find the cells that a design needs in a library, before anything is mapped.

    Raises
    ------
    ConfigError
        The library lacks what the design needs, or the design has an FPGA's memories.
    """
    if design.image is not None:
        raise ConfigError("has memories of an FPGA that are loaded at start-up",
                          where=design.plan.name, hint="generate it with --device cells")
    return _roles(design.verilog, library)


def _roles(verilog: str, library: CellLibrary) -> Roles:
    roles = find_roles(library)
    shims, _ = mapped_shims(roles)
    if not shims.keys() >= set(needed_shims(verilog)):
        raise ConfigError(why_no_latch(library), where=f"library {library.name}",
                          hint="use a library with latches, or generate without latch memories")
    return roles


def map_verilog(verilog: str, top: str, library: CellLibrary,
                units: list[str] | None = None, buffered: bool = True,
                done: Callable[[float], None] | None = None) -> Mapped:
    """Map Verilog; ``units`` are instances in the top that stay modules."""
    roles = _roles(verilog, library)
    shims, missing = mapped_shims(roles)
    used = needed_shims(verilog)
    with tempfile.TemporaryDirectory(prefix="bnnhw-cells-") as scratch:
        folder = Path(scratch)
        files = library.write(folder)
        (folder / "core.v").write_text(verilog)
        (folder / "shims.v").write_text("\n".join(shims[name] for name in used))
        (folder / "flops.v").write_text(flop_map(roles))
        # A constraint makes abc add buffers and choose sizes.
        load = 4e15 * input_load(roles, library)
        (folder / "drive.txt").write_text(f"set_driving_cell {roles.inverter.cell.name}\n"
                                          f"set_load {load:.3f} [all_outputs]\n")

        def map_(buffers: bool) -> None:
            _run(folder, _map_script(top, library, files, roles, units or [], buffers), done)

        if buffered and not library.has_delays:
            buffered = False
            missing["buffers"] = "the library has no delay tables: the smallest cells, without " \
                "buffers"
            used.append("buffers")
        try:
            map_(buffered)
        except ToolError as error:
            # Buffering needs more of a library's timing than mapping does, such as timing_sense.
            if not buffered:
                raise
            buffered = False
            map_(buffered)
            missing["buffers"] = "abc cannot buffer with the timing of this library " \
                f"({error.message}): the smallest cells, without buffers"
            used.append("buffers")
        written = json.loads((folder / "units.json").read_text())
        modules = {name.lstrip("\\"): module for name, module in written["modules"].items()
                   if not {"blackbox", "whitebox"} & module["attributes"].keys()}
        _refuse_unmapped(modules, library)
        if buffered and buffer_outputs(modules, library, roles.buffer):
            (folder / "units.json").write_text(json.dumps(written))
            _run(folder, f"read_json units.json\n{WRITE_UNITS}")
        _run(folder, _flat_script(top, _read_cells(files)))
        return Mapped(
            top, library, roles, modules,
            (folder / "units.v").read_text(), (folder / "flat.v").read_text(),
            json.loads((folder / "flat.json").read_text())["modules"][top],
            tuple(missing[name] for name in used if name in missing),
            _warnings((folder / "check.txt").read_text()),
            str(written["creator"]).removeprefix("Yosys ").split(" (")[0], buffered)


BEAT = "bnnhw ran "
"""What Yosys prints after each command where progress is followed."""


def _run(folder: Path, script: str, done: Callable[[float], None] | None = None) -> None:
    lines = [line for line in script.strip().splitlines() if not line.startswith("#")]
    if done is not None:
        count = len(lines)
        lines = [text for k, line in enumerate(lines, 1)
                 for text in (line, f"log -stdout {BEAT}{k}/{count}")]

    def heard(line: str) -> None:
        if done is not None and line.startswith(BEAT):
            ran, count = line.removeprefix(BEAT).split("/")
            done(int(ran) / int(count))

    (folder / "run.ys").write_text("\n".join(lines) + "\n")
    try:
        Tools().run("yosys", ["-Q", "-T", "-q", "run.ys"], folder, on_line=heard if done else None)
    except ToolError as error:
        reason = _reason(folder / "yosys.out")
        if reason is None:
            raise
        raise ToolError(f"yosys failed: {reason}", where=error.where, hint=error.hint) from None
    if done is not None:
        done(1.0)  # abc leaves no standard output to the commands after it


_REASON = re.compile(r"^(?:ERROR:|.*\b(?:[Ff]ailed to parse|[Cc]annot (?:be|read|find|open))\b).*",
                     re.MULTILINE)


def _reason(log: Path) -> str | None:
    """The first line of a log that gives a reason; what follows from it comes later."""
    if not log.exists():
        return None
    found = _REASON.search(log.read_text(encoding="utf-8", errors="replace"))
    return found[0].removeprefix("ERROR:").strip() if found else None


def _read_cells(files: tuple[str, ...]) -> str:
    return "\n".join(f"read_liberty -lib -ignore_miss_func -ignore_miss_data_latch {name}"
                     for name in files)


def _map_script(top: str, library: CellLibrary, files: tuple[str, ...], roles: Roles,
                units: list[str], buffered: bool) -> str:
    never = " ".join(f'-dont_use "{pattern}"' for pattern in library.avoided())
    given = " ".join(f"-liberty {name}" for name in files)
    # After uniquify, the module of an instance is named after its place.
    keep = f"setattr -mod -set keep_hierarchy 1 {' '.join(f'{top}.{unit}' for unit in units)}" \
        if units else ""
    registers = f"dfflibmap {never} {given}" if roles.flop is None else \
        "dfflegalize -cell $_DFF_P_ 01\ntechmap -map flops.v"
    if roles.complements:
        # A register is found by its cell's name where only its complement keeps a wire.
        registers = f"rename -wire t:$_*DFF*\n{registers}"
    return f"""
{_read_cells(files)}
read_verilog -DBNNHW_CELLS -DSYNTHESIS core.v
read_verilog shims.v
hierarchy -check -top {top}
uniquify
{keep}
proc
# Cells have no value at power-up: what a register starts with must come from reset.
setattr -unset init w:*
# Numbered wires of a generator tell nobody what a register is.
rename -hide w:$*
# State machines keep their codes, so that a proof finds each register again.
synth -nofsm -flatten -noabc -top {top}
{registers}
opt
simplemap
abc {never} {given} {"-constr drive.txt" if buffered else AREA}
opt_clean -purge
tee -o check.txt check -mapped
{WRITE_UNITS}
write_json units.json
"""


def _flat_script(top: str, read_cells: str) -> str:
    # Read back, because then every cell has a name that keeps its unit when all becomes one module.
    return f"""
{read_cells}
read_verilog units.v
hierarchy -check -top {top}
flatten
# A net a bit: simulators handle an edge in a wide wire in time that grows with its width.
splitnets
opt_clean -purge
write_verilog -noattr -noexpr -simple-lhs flat.v
design -reset
{read_cells}
read_verilog flat.v
hierarchy -check -top {top}
write_json flat.json
"""


def _warnings(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("Warning: ").strip() for line in text.splitlines()
                 if line.startswith("Warning: "))


def _refuse_unmapped(modules: dict[str, Any], library: CellLibrary) -> None:
    for name, module in modules.items():
        others = sorted({c["type"] for c in module["cells"].values()}
                        - library.cells.keys() - modules.keys() - {"$scopeinfo"})
        if others:
            raise ToolError(f"left cells in '{name}' that the library has nothing for: "
                            f"{', '.join(others[:5])}", where="yosys",
                            hint="the library lacks a kind of register or latch")
