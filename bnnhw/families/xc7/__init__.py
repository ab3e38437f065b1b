"""The ``xc7`` family: AMD 7 series, synthesis only."""

from __future__ import annotations

from bnnhw.families.base import Family, Memory, Synthesis
from bnnhw.families.registry import register
from bnnhw.families.simulation import CellModels
from bnnhw.families.xc7.target import Xc7

__all__ = ["XC7"]

XC7 = register(Family(
    "xc7", "AMD 7 series: LUT6, CARRY4, 36 Kbit block RAM (synthesis only)", Xc7(),
    Memory(((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1)),
           rom_min_depth=128, lut_ram=True),
    Synthesis(
        "synth_xilinx -family xc7 -noiopad -nodsp -noclkbuf",
        {**{f"LUT{k}": 1 for k in range(1, 7)}, "LUT6_2": 1, "RAM32M": 4, "RAM64M": 4,
         "RAM32X1D": 2, "RAM64X1D": 2, "SRL16E": 1, "SRLC32E": 1},
        ("FDRE", "FDSE", "FDCE", "FDPE"), ("RAMB18E1", "RAMB36E1"), no_pads="-noiopad",
        unit_options="-flatten"),
    simulation=CellModels(("xilinx/cells_sim.v",))))
