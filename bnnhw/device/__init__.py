"""What a target offers. A new family or part is one entry in ``DEVICES``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace

from bnnhw.errors import PlanError
from bnnhw.hostlink.wire.weights import CELL_WORDS, PART_BITS

__all__ = ["DEVICES", "SPRAM_SHAPE", "Budget", "Device", "get_device", "sprams"]

SPRAM_SHAPE = (CELL_WORDS, PART_BITS)
"""Words of an SPRAM, and their bits."""


def sprams(depth: int, width: int) -> int:
    """SPRAMs that a table takes."""
    return -(-depth // SPRAM_SHAPE[0]) * -(-width // SPRAM_SHAPE[1])


@dataclass(frozen=True)
class Budget:
    """What one part has.

    Parameters
    ----------
    luts, ffs, blocks : int
        Lookup tables, flip-flops, block RAMs.
    spram : int
        Large memories of an iCE40 UltraPlus, of ``SPRAM_SHAPE``. A bitstream cannot preload them,
        so their tables are loaded at start-up; and they have one port, so line buffers and queues
        cannot lie there.
    """

    luts: int
    ffs: int
    blocks: int
    spram: int = 0


@dataclass(frozen=True)
class Device:
    """A family of targets, or one part of it.

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
    block_shapes : tuple of (depth, width)
        Ways to use a block RAM with one port that reads and one that writes.
    lut_ram : bool
        Lookup tables can be small memories.
    auto_block_bits : int
        Bits from which on synthesis puts a written memory into one block RAM by itself.
    auto_block_more : int
        How many more bits it must have for each further block RAM.
    family : str
        Name of the family; that of the device itself where it is one.
    budget : Budget or None
        Of a part.
    """

    name: str
    title: str
    synth: str | None
    luts: dict[str, int] = field(default_factory=dict)
    ff_cells: tuple[str, ...] = ()
    block_cells: tuple[str, ...] = ()
    block_min_depth: int = 64
    block_shapes: tuple[tuple[int, int], ...] = ()
    lut_ram: bool = False
    auto_block_bits: int = 2048
    auto_block_more: int = 0
    family: str = ""
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if not self.family:
            object.__setattr__(self, "family", self.name)

    def rom_style(self, depth: int) -> str:
        """Storage of a read-only table of ``depth`` words."""
        return "block" if depth >= self.block_min_depth else "lut"

    def ram_style(self, depth: int, width: int) -> str:
        """Storage of a written memory: ``block``, or ``auto`` for what synthesis makes of it."""
        return "block" if self.block_shapes and depth > 32 and depth * width > 256 else "auto"

    @property
    def synth_with_pads(self) -> str | None:
        """The Yosys command for a top whose ports are pins."""
        return self.synth and self.synth.replace(" -noiopads", "").replace(" -noiopad", "")

    @property
    def block_size(self) -> int:
        """Bits of a block RAM."""
        return max(depth * width for depth, width in self.block_shapes)

    def blocks(self, depth: int, width: int) -> int:
        """Block RAMs that a memory takes."""
        if not self.block_shapes:
            return 0
        rows, columns = self.block_grid(depth, width)
        return rows * columns

    def columns(self, depth: int, blocks: int) -> int:
        """Columns of a memory that so many block RAMs hold."""
        return max((blocks // -(-depth // d) * w for d, w in self.block_shapes), default=0)

    def block_grid(self, depth: int, width: int) -> tuple[int, int]:
        """Block RAMs of a memory, one behind the other and side by side."""
        grids = [(-(-depth // d), -(-width // w)) for d, w in self.block_shapes]
        return min(grids, key=lambda grid: (grid[0] * grid[1], grid[0]))


# -nowidelut: the wide multiplexers of the default mapping triple the area of adder trees.
ECP5 = Device("ecp5", "Lattice ECP5: LUT4, CCU2C carry, 18 Kbit block RAM",
              "synth_ecp5 -noiopad -nowidelut", {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
              ("TRELLIS_FF",), ("DP16KD",), 64,
              ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)), True)
ICE40 = Device("ice40", "Lattice iCE40: LUT4, SB_CARRY, 4 Kbit block RAM",
               "synth_ice40", {"SB_LUT4": 1}, ("SB_DFF*",), ("SB_RAM40_4K*",), 48,
               ((256, 16), (512, 8), (1024, 4), (2048, 2)), auto_block_bits=80, auto_block_more=64)
XC7 = Device("xc7", "AMD 7 series: LUT6, CARRY4, 36 Kbit block RAM (synthesis only)",
             "synth_xilinx -family xc7 -noiopad -nodsp -noclkbuf",
             {**{f"LUT{k}": 1 for k in range(1, 7)}, "LUT6_2": 1, "RAM32M": 4, "RAM64M": 4,
              "RAM32X1D": 2, "RAM64X1D": 2, "SRL16E": 1, "SRLC32E": 1},
             ("FDRE", "FDSE", "FDCE", "FDPE"), ("RAMB18E1", "RAMB36E1"), 128,
             ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1)),
             True)

GOWIN = Device("gowin", "Gowin LittleBee and Arora: LUT4, ALU carry, 18 Kbit block RAM",
               "synth_gowin -noiopads", {**{f"LUT{k}": 1 for k in range(1, 5)}, "ALU": 1,
                                         "RAM16SDP4": 4},
               ("DFF*",), ("SDPB", "SPX9", "SP", "DPB", "pROM", "SDPX9B"), 64,
               ((512, 32), (1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1)), True)

# Every table is logic: standard cells have no memory that comes with contents.
CELLS = Device("cells", "standard cells: full adders, latches, gates", None,
               block_min_depth=sys.maxsize)


def _part(family: Device, name: str, title: str, budget: Budget) -> Device:
    return replace(family, name=name, title=title, budget=budget)


# Counts as nextpnr has them for each part.
DEVICES: dict[str, Device] = {d.name: d for d in (
    Device("generic", "portable Verilog, no device in mind", None),
    CELLS, ECP5, GOWIN, ICE40, XC7,
    _part(ECP5, "ecp5-25", "LFE5U-25F: 24 k LUT4, 56 block RAM", Budget(24288, 24288, 56)),
    _part(ECP5, "ecp5-45", "LFE5U-45F: 44 k LUT4, 108 block RAM", Budget(43848, 43848, 108)),
    _part(ECP5, "ecp5-85", "LFE5U-85F: 84 k LUT4, 208 block RAM", Budget(83640, 83640, 208)),
    _part(GOWIN, "gw1nr9", "GW1NR-9: 8,640 LUT4, 26 block RAM", Budget(8640, 6480, 26)),
    _part(GOWIN, "gw2ar18", "GW2AR-18: 20,736 LUT4, 46 block RAM", Budget(20736, 15552, 46)),
    _part(ICE40, "hx8k", "iCE40-HX8K: 7,680 LUT4, 32 block RAM", Budget(7680, 7680, 32)),
    _part(ICE40, "up5k", "iCE40-UP5K: 5,280 LUT4, 30 block RAM, 4 SPRAM",
          Budget(5280, 5280, 30, spram=4)),
)}


def get_device(name: str) -> Device:
    """Look up a device by name."""
    if name not in DEVICES:
        raise PlanError(f"unknown device '{name}'", hint=f"use one of {', '.join(DEVICES)}")
    return DEVICES[name]
