"""Technology mapping: turns the Verilog of a design into a netlist of library cells, with Yosys.

Yosys maps registers (``dfflibmap``) and logic (ABC). Neutral cells of the design become library
cells through wrapper modules (``shims.py``). Buffer trees are added afterwards (``fanout.py``).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.asic.fanout import buffer_outputs
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.mapping_scripts import WRITE_VERILOG, flat_script, map_script
from bnnhw.asic.roles import Roles, find_roles, output_load, why_no_latch
from bnnhw.asic.shims import flop_map, mapped_shims, needed_shims
from bnnhw.asic.yosys import read_yosys_json, run_yosys
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, ToolError
from bnnhw.families.yosys_json import Module

__all__ = ["Mapped", "check_mappable", "map_design", "map_verilog"]


@dataclass(frozen=True)
class Mapped:
    """A design that is mapped to the cells of a library.

    Attributes
    ----------
    top : str
        Name of the top module.
    library : CellLibrary
    roles : Roles
    modules : dict of str to Module
        The hierarchical netlist: the top module and one module for each unit of the plan.
    verilog : str
        Verilog of the hierarchical netlist.
    flat : str
        Verilog of the flat netlist; cells and nets are named ``UNIT.NAME``.
    netlist : Module
        The flat netlist, read back from ``flat``, so that names agree with a simulation of it.
    fallbacks : tuple of str
        A sentence for each kind of cell that the library lacks, which names its replacement.
    warnings : tuple of str
        Warnings of Yosys' check of the netlist.
    yosys : str
        Version of Yosys.
    buffered : bool
        Whether outputs were buffered and cells sized for their loads.
    """

    top: str
    library: CellLibrary
    roles: Roles
    modules: dict[str, Module]
    verilog: str
    flat: str
    netlist: Module
    fallbacks: tuple[str, ...]
    warnings: tuple[str, ...]
    yosys: str
    buffered: bool

    @property
    def gate_equivalents(self) -> float:
        """Area divided by that of the smallest NAND2."""
        cells = self.library.cells
        return sum(cells[cell["type"]].area for cell in self.netlist["cells"].values()
                   if cell["type"] in cells) / self.roles.nand2.cell.area


def map_design(design: Design, library: CellLibrary, buffered: bool = True,
               progress: Callable[[float], None] | None = None) -> Mapped:
    """Map a design; each unit of its plan remains a separate module.

    Parameters
    ----------
    design : Design
    library : CellLibrary
    buffered : bool
        Insert buffers and choose larger cells where an output would exceed its maximum load.
        Otherwise every cell has the smallest size, which a layout could not use as it is.
    progress : callable, optional
        Receives the fraction of Yosys' commands that have run.

    Raises
    ------
    ConfigError
        The library lacks a cell that the design needs, or the design uses memories of an FPGA.
    ToolError
        Yosys is missing or failed, or left cells unmapped.
    """
    check_mappable(design, library)
    return map_verilog(design.verilog, design.plan.name, library,
                       [part.name for part in design.rows.parts], buffered, progress)


def check_mappable(design: Design, library: CellLibrary) -> Roles:
    """Check that a library has the cells that a design needs, before the design is mapped.

    Raises
    ------
    ConfigError
        The library lacks a cell that the design needs, or the design uses memories of an FPGA.
    """
    if design.image is not None:
        raise ConfigError("the design uses FPGA memories that are loaded at start-up; "
                          "standard cells have none",
                          where=design.plan.name, hint="generate it with `device=cells`")
    return _required_roles(design.verilog, library)


def _required_roles(verilog: str, library: CellLibrary) -> Roles:
    roles = find_roles(library)
    shims, _ = mapped_shims(roles)
    if not shims.keys() >= set(needed_shims(verilog)):
        raise ConfigError(why_no_latch(library), where=f"library {library.name}",
                          hint="use a library with latches, or generate without latch memories")
    return roles


def map_verilog(verilog: str, top: str, library: CellLibrary,
                units: list[str] | None = None, buffered: bool = True,
                progress: Callable[[float], None] | None = None) -> Mapped:
    """Map a Verilog text.

    Parameters
    ----------
    verilog, top : str
        Text, and the name of its top module.
    library : CellLibrary
    units : list of str, optional
        Instances in the top module that remain separate modules.
    buffered, progress
        As for ``map_design``.
    """
    roles = _required_roles(verilog, library)
    shims, missing = mapped_shims(roles)
    used = needed_shims(verilog)
    with tempfile.TemporaryDirectory(prefix="bnnhw-cells-") as scratch:
        folder = Path(scratch)
        files = library.write(folder)
        (folder / "core.v").write_text(verilog)
        (folder / "shims.v").write_text("\n".join(shims[name] for name in used))
        (folder / "flops.v").write_text(flop_map(roles))
        # Constraints make ABC insert buffers and choose sizes; the load is in femtofarads.
        load = 1e15 * output_load(roles, library)
        (folder / "drive.txt").write_text(f"set_driving_cell {roles.inverter.cell.name}\n"
                                          f"set_load {load:.3f} [all_outputs]\n")

        def run_mapping(buffers: bool) -> None:
            run_yosys(folder, map_script(top, library, files, roles, units or [], buffers),
                      progress)

        if buffered and not library.has_delays:
            buffered = False
            missing["buffers"] = "the library has no delay tables: all cells have the " \
                "smallest size, without buffers"
            used.append("buffers")
        try:
            run_mapping(buffered)
        except ToolError as error:
            # Buffering needs more timing data than mapping does, such as timing_sense.
            if not buffered:
                raise
            buffered = False
            run_mapping(buffered)
            missing["buffers"] = "ABC cannot buffer with the timing of this library " \
                f"({error.message}): all cells have the smallest size, without buffers"
            used.append("buffers")
        written = read_yosys_json(folder / "units.json")
        modules = {name.lstrip("\\"): module for name, module in written["modules"].items()
                   if not {"blackbox", "whitebox"} & module["attributes"].keys()}
        _check_mapped(modules, library)
        if buffered and buffer_outputs(modules, library, roles.buffer):
            (folder / "units.json").write_text(json.dumps(written))
            run_yosys(folder, f"read_json units.json\n{WRITE_VERILOG}")
        run_yosys(folder, flat_script(top, files))
        return Mapped(
            top, library, roles, modules,
            verilog=(folder / "units.v").read_text(), flat=(folder / "flat.v").read_text(),
            netlist=read_yosys_json(folder / "flat.json")["modules"][top],
            fallbacks=tuple(missing[name] for name in used if name in missing),
            warnings=_warnings((folder / "check.txt").read_text()),
            yosys=written["creator"].removeprefix("Yosys ").split(" (")[0], buffered=buffered)


def _warnings(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("Warning: ").strip() for line in text.splitlines()
                 if line.startswith("Warning: "))


def _check_mapped(modules: dict[str, Module], library: CellLibrary) -> None:
    """Raise a ToolError if a module has cells that the library does not have."""
    for name, module in modules.items():
        others = sorted({c["type"] for c in module["cells"].values()}
                        - library.cells.keys() - modules.keys() - {"$scopeinfo"})
        if others:
            raise ToolError(f"Yosys left cells in '{name}' that the library cannot implement: "
                            f"{', '.join(others[:5])}", where="yosys",
                            hint="the library lacks a kind of register or latch")
