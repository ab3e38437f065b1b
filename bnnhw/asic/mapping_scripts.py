"""Yosys scripts of technology mapping: map the design, and flatten the mapped netlist."""

from __future__ import annotations

from bnnhw.asic.library import CellLibrary
from bnnhw.asic.roles import Roles

__all__ = ["WRITE_VERILOG", "flat_script", "map_script"]

AREA_SCRIPT = "-script +strash;&get,-n;&dch,-f;&nf,-a,10;&put"
"""ABC script for the smallest area, without buffers. A latch memory takes a tenth less area with it
than with ABC's default script."""

WRITE_VERILOG = "write_verilog -noattr -noexpr -simple-lhs units.v"
"""Writes the hierarchical netlist; every connection is to a simple net or bit."""


def _read_liberty(files: tuple[str, ...]) -> str:
    return "\n".join(f"read_liberty -lib -ignore_miss_func -ignore_miss_data_latch {name}"
                     for name in files)


def map_script(top: str, library: CellLibrary, files: tuple[str, ...], roles: Roles,
               units: list[str], buffered: bool) -> str:
    """Return the script that maps ``core.v`` and writes the hierarchical netlist.

    Parameters
    ----------
    top : str
        Name of the top module.
    library : CellLibrary
    files : tuple of str
        Liberty files of the library.
    roles : Roles
    units : list of str
        Instances in the top module that remain separate modules.
    buffered : bool
        Size cells and insert buffers for the constraints in ``drive.txt``.
    """
    exclude = " ".join(f'-dont_use "{pattern}"' for pattern in library.excluded_patterns())
    liberty = " ".join(f"-liberty {name}" for name in files)
    # After uniquify, the module of an instance is named after its path.
    keep = f"setattr -mod -set keep_hierarchy 1 {' '.join(f'{top}.{unit}' for unit in units)}" \
        if units else ""
    registers = f"dfflibmap {exclude} {liberty}" if roles.flop is None else \
        "dfflegalize -cell $_DFF_P_ 01\ntechmap -map flops.v"
    if roles.flop_may_invert:
        # The equivalence check then finds a register by the name of its cell: its wire may
        # become the complement of what the cell stores.
        registers = f"rename -wire t:$_*DFF*\n{registers}"
    return f"""
{_read_liberty(files)}
read_verilog -DBNNHW_CELLS -DSYNTHESIS core.v
read_verilog shims.v
hierarchy -check -top {top}
uniquify
{keep}
proc
# Cells have no value at power-up: initial values of registers must come from reset.
setattr -unset init w:*
# The generator's numbered wires do not name registers.
rename -hide w:$*
# State machines keep their encoding, so that the equivalence check finds each register.
synth -nofsm -flatten -noabc -top {top}
{registers}
opt
simplemap
abc {exclude} {liberty} {"-constr drive.txt" if buffered else AREA_SCRIPT}
opt_clean -purge
tee -o check.txt check -mapped
{WRITE_VERILOG}
write_json units.json
"""


def flat_script(top: str, files: tuple[str, ...]) -> str:
    """Return the script that flattens the hierarchical netlist ``units.v`` into ``flat.v``."""
    read_cells = _read_liberty(files)
    # The netlist is read back from Verilog: then every cell has a name, which flattening extends
    # by that of its unit.
    return f"""
{read_cells}
read_verilog units.v
hierarchy -check -top {top}
flatten
# One net per bit: the time a simulator needs for an edge grows with the width of a wire.
splitnets
opt_clean -purge
write_verilog -noattr -noexpr -simple-lhs flat.v
design -reset
{read_cells}
read_verilog flat.v
hierarchy -check -top {top}
write_json flat.json
"""
