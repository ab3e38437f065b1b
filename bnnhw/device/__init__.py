"""What a target offers. A new family is one entry in ``DEVICES``."""

from __future__ import annotations

from dataclasses import dataclass, field

from bnnhw.errors import PlanError

__all__ = ["DEVICES", "Device", "get_device"]


@dataclass(frozen=True)
class Device:
    """A family of targets.

    Parameters
    ----------
    name, title : str
    synth : str or None
        Yosys command that maps to it.
    luts : dict of str to int
        Lookup tables that a cell takes, by cell name: a carry cell with two of them takes two, a
        memory made of them as many as it occupies.
    ff_cells, block_cells : tuple of str
        Patterns of the names of registers and block RAM.
    block_min_depth : int
        Words from which on a read-only table goes to block RAM; below it, lookup tables hold a
        bit of all words in a handful of cells.
    """

    name: str
    title: str
    synth: str | None
    luts: dict[str, int] = field(default_factory=dict)
    ff_cells: tuple[str, ...] = ()
    block_cells: tuple[str, ...] = ()
    block_min_depth: int = 64

    def rom_style(self, depth: int) -> str:
        """Storage of a read-only table of ``depth`` words."""
        return "block" if depth >= self.block_min_depth else "lut"


DEVICES: dict[str, Device] = {d.name: d for d in (
    Device("generic", "portable Verilog, no device in mind", None),
    # -nowidelut: the wide multiplexers of the default mapping triple the area of adder trees.
    Device("ecp5", "Lattice ECP5: LUT4, CCU2C carry, 18 Kbit block RAM",
           "synth_ecp5 -noiopad -nowidelut", {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
           ("TRELLIS_FF",), ("DP16KD",), 64),
    Device("ice40", "Lattice iCE40: LUT4, SB_CARRY, 4 Kbit block RAM",
           "synth_ice40", {"SB_LUT4": 1}, ("SB_DFF*",), ("SB_RAM40_4K*",), 48),
    Device("xc7", "AMD 7 series: LUT6, CARRY4, 36 Kbit block RAM (synthesis only)",
           "synth_xilinx -family xc7 -noiopad -nodsp -noclkbuf",
           {**{f"LUT{k}": 1 for k in range(1, 7)}, "RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2,
            "RAM64X1D": 2, "SRL16E": 1, "SRLC32E": 1},
           ("FDRE", "FDSE", "FDCE", "FDPE"), ("RAMB18E1", "RAMB36E1"), 128),
)}


def get_device(name: str) -> Device:
    """Look up a device by name."""
    if name not in DEVICES:
        raise PlanError(f"unknown device '{name}'", hint=f"use one of {', '.join(DEVICES)}")
    return DEVICES[name]
