"""Assigns ROMs to memories: block RAM where it saves the most LUTs, then SPRAM, then LUTs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from bnnhw.arch.streaming.products import check_memory, repeats_of, row_groups
from bnnhw.config.hints import Hints
from bnnhw.dataflow.folding import Fold, Matrix
from bnnhw.dataflow.units.mvtu import Storage, start_values
from bnnhw.errors import PlanError
from bnnhw.families import Device, sprams
from bnnhw.families.costs import block_price
from bnnhw.golden.layout import beats
from bnnhw.layers import Conv, Product
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["choose_memories"]

LARGEST = 12
"""Largest number of ROMs of which every combination is tried for SPRAM."""


SPILLED = 1 << 16
"""Largest number of weight bits outside block RAM; synthesis of more takes over a minute."""


@dataclass(frozen=True)
class _Rom:
    key: tuple[str, str]
    depth: int
    width: int
    request: str

    def blocks(self, device: Device, columns: int | None = None) -> int:
        """Block RAMs of the given number of columns; None for all."""
        columns = self.width if columns is None else columns
        return device.memory.blocks(self.depth, columns) if columns else 0

    @property
    def sprams(self) -> int:
        return sprams(self.depth, self.width)

    @property
    def luts(self) -> float:
        """LUTs that the ROM takes outside block RAM: one for 16 words of each column."""
        return self.luts_of(self.width)

    def luts_of(self, columns: int) -> float:
        return (self.depth - 1) / 16 * columns


@dataclass
class _Chosen:
    """An assignment: the memory of each ROM, the columns that are in LUTs all the same, and the
    LUTs that more block RAM would save."""

    storage: dict[tuple[str, str], str]
    in_luts: dict[tuple[str, str], int]
    missing: float = 0.0


def choose_memories(layers: list[tuple[Product, Matrix, Fold]], hints: Hints,
                    device: Device, *, load: bool = False, reserve: int = 0) -> dict[str, Storage]:
    """Choose the memory of every ROM.

    For a device family, ROMs of at least ``rom_min_depth`` words are stored in block RAM. For a
    part with a budget, block RAMs go first to the ROMs that save the most LUTs per block RAM,
    excluding the block RAMs that buffers need. Where too few are left for a weight ROM, as many of
    its columns as fit are stored there. Memories that the user specified are kept.

    Parameters
    ----------
    layers : list of (Product, Matrix, Fold)
    hints : Hints
    device : Device
    load : bool
        Weights may be stored in SPRAM where block RAM is too small: the smallest set that leaves
        the smallest number of LUTs for the other ROMs.
    reserve : int
        Block RAMs of the part that are not available to ROMs.

    Raises
    ------
    PlanError
        A layer's weights cannot be stored in the memory that the user specified.
    """
    roms = [rom for item in layers for rom in _roms_of(*item, hints)]
    chosen = {t.key: t.request for t in roms if t.request != "auto"}
    in_luts: dict[tuple[str, str], int] = {}
    open_ = [t for t in roms if t.request == "auto"]
    if device.budget is None or not device.memory.block_shapes:
        chosen.update({t.key: device.memory.rom_style(t.depth) for t in open_})
    else:
        free = device.budget.blocks - reserve
        free -= sum(_buffers(layer, m, f, device) for layer, m, f in layers)
        free -= sum(t.blocks(device) for t in roms if t.request == "block")
        spare = device.budget.spram - sum(t.sprams for t in roms if t.request == "spram")
        found = _automatic(open_, free, spare if load else 0, device)
        chosen.update(found.storage)
        in_luts = found.in_luts
    for rom in roms:
        if chosen[rom.key] == "spram" and not (device.budget and device.budget.spram):
            raise PlanError("memory 'spram' needs SPRAM that can be loaded, and there is none",
                            where=f"layer '{rom.key[0]}'",
                            hint="the device up5k and the board icebreaker have it; or leave "
                                 "out memory")
    return {layer.name: Storage(chosen[layer.name, "weights"], chosen[layer.name, "starts"],
                                in_luts.get((layer.name, "weights"), 0))
            for layer, _, _ in layers}


def _automatic(roms: list[_Rom], free: int, spare: int, device: Device) -> _Chosen:
    """Assign the ROMs that the user left open to the free block RAMs and SPRAMs."""
    best = _in_blocks(roms, free, device)
    if not best.missing:
        return best
    rank = (best.missing, 0)
    for loaded in _loads(roms, spare, device):
        chosen = _in_blocks([t for t in roms if t not in loaded], free, device)
        used = sum(t.sprams for t in loaded)
        if (chosen.missing, used) < rank:
            chosen.storage |= {t.key: "spram" for t in loaded}
            best, rank = chosen, (chosen.missing, used)
    return best


def _in_blocks(roms: list[_Rom], free: int, device: Device) -> _Chosen:
    """Assign block RAM to the ROMs, or columns of weights, that save the most LUTs."""
    worth = block_price(device)
    chosen, spilled = _Chosen({}, {}), 0
    for rom in sorted(roms, key=lambda t: (-t.luts / t.blocks(device), t.key)):
        blocks = rom.blocks(device)
        worthy = rom.luts / blocks >= worth
        columns = 0
        if worthy and blocks <= free:
            columns = rom.width
        elif worthy and rom.key[1] == "weights":
            columns = device.memory.columns(rom.depth, max(free, 0))
            spilled += (rom.width - columns) * rom.depth
            columns = columns if spilled <= SPILLED else 0
            chosen.in_luts[rom.key] = rom.width - columns if columns else 0
        chosen.storage[rom.key] = "block" if columns else "lut"
        free -= rom.blocks(device, columns)
        chosen.missing += rom.luts_of(rom.width - columns) if worthy else 0.0
    return chosen


def _loads(roms: list[_Rom], spare: int, device: Device) -> Iterator[tuple[_Rom, ...]]:
    """Yield the sets of weight ROMs that fit SPRAM, in a fixed order."""
    large = [t for t in roms if t.key[1] == "weights" and t.depth >= device.memory.rom_min_depth
             and t.sprams <= spare]
    large = sorted(large, key=lambda t: (-t.depth * t.width, t.key))[:LARGEST]
    for count in range(1, spare + 1):
        for chosen in combinations(large, count):
            if sum(t.sprams for t in chosen) <= spare:
                yield chosen


def _roms_of(layer: Product, matrix: Matrix, fold: Fold, hints: Hints) -> list[_Rom]:
    starts = start_values(layer, layer.levels == 1, 0)
    groups = row_groups(layer, matrix, fold)
    steps, words = groups * matrix.sf(fold.simd) * matrix.weight_words(fold), groups * len(starts)
    request = check_memory(layer, matrix, fold, hints)
    if steps == 1 and request == "auto":
        request = "constant"
    width = fold.pe * fold.simd * matrix.weight_bits(fold)
    return [_Rom((layer.name, "weights"), steps, width, request),
            _Rom((layer.name, "starts"), words, fold.pe * matrix.acc_width,
                   "constant" if words == 1 else "auto")]


def _buffers(layer: Product, matrix: Matrix, fold: Fold, device: Device) -> int:
    """Estimate the block RAMs of the buffers of a layer: its lines, and its vector."""
    lanes = matrix.lanes_in(fold) * matrix.bits
    total = 0
    if isinstance(layer, Conv) and matrix.taps > 1:
        rows = layer.window.reach[0] + layer.window.stride[0]
        across = layer.input.map[1] * beats(layer.input.channels, matrix.lanes_in(fold))
        if device.memory.ram_style(rows * across, lanes) == "block":
            total += device.memory.blocks(rows * across, lanes)
    sf = matrix.sf(fold.simd)
    depth, width = ReplayBuffer.depth(sf), fold.simd * matrix.bits
    repeated = isinstance(layer, Conv) and repeats_of(matrix, fold) > 1
    stored = beats(matrix.rows, fold.pe) > 1 and sf > 1 and not repeated
    if stored and device.memory.ram_style(depth, width) == "block":
        total += device.memory.blocks(depth, width)
    return total
