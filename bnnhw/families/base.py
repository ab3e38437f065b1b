"""The data model of device families: what one ``Family`` object and one ``Device`` describe."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch

from bnnhw.errors import PlanError
from bnnhw.families.clocks import ExpectedClock
from bnnhw.families.cost_model import CostModel
from bnnhw.families.flow import Flow
from bnnhw.families.parts import Budget, Part
from bnnhw.families.simulation import CellModels
from bnnhw.logic.target import Target

__all__ = ["RAM_LUTS", "Device", "Family", "Memory", "Synthesis"]

RAM_LUTS = 6.0
"""LUTs of a LUT memory of 16 words of 4 bits, with its write port."""

WORTH_A_BLOCK = 50.0
"""LUTs in LUT memories that a block RAM is worth."""


@dataclass(frozen=True)
class Synthesis:
    """The Yosys command that maps to a family, and how to count the cells that it makes.

    Parameters
    ----------
    command : str
        Such as ``synth_ice40``, for a core whose ports are not pins.
    luts : dict of str to int
        LUTs that a cell occupies, by cell type: a carry cell with two LUTs counts 2, a LUT memory
        counts as many LUTs as it occupies.
    ff_cells, block_cells : tuple of str
        Patterns (``fnmatch``) of the cell types of flip-flops and of block RAMs.
    no_pads : str
        Option of ``command`` that leaves out pads; a top whose ports are pins is synthesised
        without it.
    unit_options : str
        Further options where each unit keeps its module boundary.
    """

    command: str
    luts: dict[str, int]
    ff_cells: tuple[str, ...]
    block_cells: tuple[str, ...]
    no_pads: str = ""
    unit_options: str = ""

    @property
    def with_pads(self) -> str:
        """The command for a top whose ports are pins."""
        return self.command.replace(f" {self.no_pads}", "") if self.no_pads else self.command

    def count(self, cells: dict[str, int]) -> tuple[int, int, int]:
        """LUTs, flip-flops and block RAMs of some cells, given as numbers by cell type."""
        return (sum(self.luts.get(cell, 0) * n for cell, n in cells.items()),
                _matching(cells, self.ff_cells), _matching(cells, self.block_cells))


def _matching(cells: dict[str, int], patterns: tuple[str, ...]) -> int:
    return sum(n for cell, n in cells.items() if any(fnmatch(cell, p) for p in patterns))


@dataclass(frozen=True)
class Memory:
    """The memories of a family: its block RAM, and which memories are stored there.

    Parameters
    ----------
    block_shapes : tuple of (depth, width)
        Shapes of one block RAM with one read port and one write port; empty where there is none.
    rom_min_depth : int
        Minimum words of a ROM in block RAM; a smaller one takes a few LUTs per bit.
    lut_ram : bool
        LUTs can be small memories that are written.
    auto_bits, auto_more_bits : int
        Synthesis maps a writable memory to block RAM by itself if it has at least ``auto_bits``
        bits, plus ``auto_more_bits`` for each block RAM after the first.
    bank_registers : bool
        Flip-flops need no LUT, so that a ROM of several rows of block RAMs has a register in front
        of the multiplexer between them.
    latches : bool
        Memories are made of latches and adders of full-adder cells, as in standard-cell libraries.
    """

    block_shapes: tuple[tuple[int, int], ...] = ()
    rom_min_depth: int = 64
    lut_ram: bool = False
    auto_bits: int = 2048
    auto_more_bits: int = 0
    bank_registers: bool = False
    latches: bool = False

    @property
    def block_bits(self) -> int:
        """Bits of one block RAM."""
        return max(depth * width for depth, width in self.block_shapes)

    def rom_style(self, depth: int) -> str:
        """Storage of a ROM of ``depth`` words: ``block`` or ``lut``."""
        return "block" if depth >= self.rom_min_depth else "lut"

    def ram_style(self, depth: int, width: int) -> str:
        """Storage of a written memory: ``block``, or ``auto`` where synthesis decides."""
        if not self.block_shapes:
            return "auto"
        saved = RAM_LUTS * -(-depth // 16) * -(-width // 4) if self.lut_ram else 0.0
        large = depth > 32 and depth * width > 256
        return "block" if large or saved >= WORTH_A_BLOCK * self.blocks(depth, width) else "auto"

    def blocks(self, depth: int, width: int) -> int:
        """Block RAMs that a memory occupies."""
        if not self.block_shapes:
            return 0
        rows, columns = self.block_grid(depth, width)
        return rows * columns

    def columns(self, depth: int, blocks: int) -> int:
        """Largest width in bits of a memory of ``depth`` words that fits ``blocks`` block RAMs."""
        return max((blocks // -(-depth // d) * w for d, w in self.block_shapes), default=0)

    def block_grid(self, depth: int, width: int) -> tuple[int, int]:
        """Block RAMs of a memory in depth and in width, in the shape with the fewer blocks."""
        return self._grid(depth, width)[0]

    def bank_words(self, depth: int, width: int) -> int:
        """Words of each row of block RAMs of a memory; 0 where it has a single row."""
        (rows, _), shape = self._grid(depth, width)
        return shape[0] if rows > 1 else 0

    def _grid(self, depth: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Block RAMs in depth and in width, and the shape of each of them."""
        grids = [((-(-depth // d), -(-width // w)), (d, w)) for d, w in self.block_shapes]
        return min(grids, key=lambda grid: (grid[0][0] * grid[0][1], grid[0][0]))


@dataclass(frozen=True, eq=False)
class Family:
    """All that bnnhw knows of a device family. ``None`` stands for what a family does not have.

    Parameters
    ----------
    name, title : str
    target : Target
        How popcounts and bit heaps map to its LUTs and carry chains, and the netlist writer.
    memory : Memory
    synthesis : Synthesis or None
    flow : Flow or None
        Place and route, bitstreams, pin constraints and PLLs.
    costs : CostModel or None
        Cost coefficients of hardware units, fitted to synthesis results.
    simulation : CellModels or None
        Models of its cells.
    """

    name: str
    title: str
    target: Target
    memory: Memory = field(default_factory=Memory)
    synthesis: Synthesis | None = None
    flow: Flow | None = None
    costs: CostModel | None = None
    simulation: CellModels | None = None

    def need_synthesis(self) -> Synthesis:
        """``synthesis``, or a PlanError that names the family."""
        if self.synthesis is None:
            raise PlanError(f"family '{self.name}' has no synthesis command",
                            hint="use a device of another family, such as ecp5, ice40 or xc7")
        return self.synthesis

    def need_flow(self) -> Flow:
        """``flow``, or a PlanError that names the family."""
        if self.flow is None:
            raise PlanError(f"family '{self.name}' has no place-and-route flow",
                            hint="use a device of another family, such as ecp5 or ice40")
        return self.flow

    def need_costs(self) -> CostModel:
        """``costs``, or a PlanError that names the family."""
        if self.costs is None:
            raise PlanError(f"family '{self.name}' has no cost model",
                            hint="use a part such as hx8k or ecp5-85, or fit a cost model with "
                                 "bench/costs.py")
        return self.costs

    def need_simulation(self) -> CellModels:
        """``simulation``, or a PlanError that names the family."""
        if self.simulation is None:
            raise PlanError(f"family '{self.name}' has no cell models for simulation")
        return self.simulation


@dataclass(frozen=True)
class Device:
    """What a design is planned for: a family without a size limit, or one part of it.

    Parameters
    ----------
    name, title : str
    family : Family
    budget : Budget or None
        LUTs, flip-flops and memories of a part; None: no limit is known.
    part : Part or None
        What place and route of a core without a board targets: for a family its largest part.
    clock : ExpectedClock or None
        Clocks that designs reach on ``part``.
    """

    name: str
    title: str
    family: Family
    budget: Budget | None = None
    part: Part | None = None
    clock: ExpectedClock | None = None

    @property
    def memory(self) -> Memory:
        """The memories of its family."""
        return self.family.memory
