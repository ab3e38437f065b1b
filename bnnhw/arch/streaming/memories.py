"""Where the tables of a design lie: block RAM where it saves most, and SPRAM for what is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from bnnhw.arch.streaming.products import check_memory
from bnnhw.config.hints import Hints
from bnnhw.dataflow.folding import Fold, Matrix
from bnnhw.dataflow.units.mvtu import Storage, start_values
from bnnhw.errors import PlanError
from bnnhw.families import Device, get_device, sprams
from bnnhw.golden.layout import beats
from bnnhw.layers import Conv, Product
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["choose_memories"]

LARGEST = 12
"""Tables among which those for SPRAM are chosen; that many can be tried in all combinations."""


SPILLED = 1 << 16
"""Bits of weights beside block RAM that open synthesis makes lookup tables of in a minute."""


@dataclass(frozen=True)
class _Table:
    key: tuple[str, str]
    depth: int
    width: int
    wish: str

    def blocks(self, device: Device, columns: int | None = None) -> int:
        """Block RAMs of so many columns, or of all."""
        columns = self.width if columns is None else columns
        return device.memory.blocks(self.depth, columns) if columns else 0

    @property
    def sprams(self) -> int:
        return sprams(self.depth, self.width)

    @property
    def luts(self) -> float:
        """Lookup tables that it takes elsewhere: one for 16 words of each column."""
        return self.luts_of(self.width)

    def luts_of(self, columns: int) -> float:
        return (self.depth - 1) / 16 * columns


@dataclass
class _Chosen:
    """Storage of tables, the columns of them that are in lookup tables all the same, and the lookup
    tables that there would not be if there were more block RAM."""

    places: dict[tuple[str, str], str]
    in_luts: dict[tuple[str, str], int]
    missing: float = 0.0


def choose_memories(layers: list[tuple[Product, Matrix, Fold]], hints: Hints,
                    device: Device, *, load: bool = False, reserve: int = 0) -> dict[str, Storage]:
    """Choose the storage of every table.

    Without a part, a table goes to block RAM from ``Device.block_min_depth`` words on. With one,
    the tables that save the most lookup tables for a block RAM get them first, as long as there
    are any behind those that buffers need; of weights for which there are too few, as many columns
    as there is room for. What the user wrote stays.

    Parameters
    ----------
    layers : list of (Product, Matrix, Fold)
    hints : Hints
    device : Device
    load : bool
        Weights may lie in SPRAM where tables find no room otherwise: as few as help, those that
        leave the fewest lookup tables for the rest.
    reserve : int
        Block RAMs of the part that are not for tables.

    Raises
    ------
    PlanError
        A layer's weights cannot lie where the user wants them.
    """
    tables = [table for item in layers for table in _tables(*item, hints)]
    chosen = {t.key: t.wish for t in tables if t.wish != "auto"}
    in_luts: dict[tuple[str, str], int] = {}
    open_ = [t for t in tables if t.wish == "auto"]
    if device.budget is None or not device.memory.block_shapes:
        chosen.update({t.key: device.memory.rom_style(t.depth) for t in open_})
    else:
        free = device.budget.blocks - reserve
        free -= sum(_buffers(layer, m, f, device) for layer, m, f in layers)
        free -= sum(t.blocks(device) for t in tables if t.wish == "block")
        spare = device.budget.spram - sum(t.sprams for t in tables if t.wish == "spram")
        found = _automatic(open_, free, spare if load else 0, device)
        chosen.update(found.places)
        in_luts = found.in_luts
    for table in tables:
        if chosen[table.key] == "spram" and not (device.budget and device.budget.spram):
            raise PlanError("memory 'spram' needs SPRAM that can be loaded, and there is none",
                            where=f"layer '{table.key[0]}'",
                            hint="the device up5k and the board icebreaker have it; or leave "
                                 "out memory")
    return {layer.name: Storage(chosen[layer.name, "weights"], chosen[layer.name, "starts"],
                                in_luts.get((layer.name, "weights"), 0))
            for layer, _, _ in layers}


def _automatic(tables: list[_Table], free: int, spare: int, device: Device) -> _Chosen:
    """The storage of tables about which nothing is said, with so many block RAMs and SPRAMs."""
    best = _in_blocks(tables, free, device)
    if not best.missing:
        return best
    rank = (best.missing, 0)
    for loaded in _loads(tables, spare, device):
        chosen = _in_blocks([t for t in tables if t not in loaded], free, device)
        used = sum(t.sprams for t in loaded)
        if (chosen.missing, used) < rank:
            chosen.places |= {t.key: "spram" for t in loaded}
            best, rank = chosen, (chosen.missing, used)
    return best


def _in_blocks(tables: list[_Table], free: int, device: Device) -> _Chosen:
    """Block RAM for the tables, or columns of weights, that save most."""
    whole = get_device(device.name).budget  # also where others take a share of the part
    assert whole is not None
    worth = 0.1 * whole.luts / whole.blocks
    chosen, spilled = _Chosen({}, {}), 0
    for table in sorted(tables, key=lambda t: (-t.luts / t.blocks(device), t.key)):
        blocks = table.blocks(device)
        worthy = table.luts / blocks >= worth
        columns = 0
        if worthy and blocks <= free:
            columns = table.width
        elif worthy and table.key[1] == "weights":
            columns = device.memory.columns(table.depth, max(free, 0))
            spilled += (table.width - columns) * table.depth
            columns = columns if spilled <= SPILLED else 0
            chosen.in_luts[table.key] = table.width - columns if columns else 0
        chosen.places[table.key] = "block" if columns else "lut"
        free -= table.blocks(device, columns)
        chosen.missing += table.luts_of(table.width - columns) if worthy else 0.0
    return chosen


def _loads(tables: list[_Table], spare: int, device: Device) -> Iterator[tuple[_Table, ...]]:
    """Sets of weights that SPRAM has room for, in a fixed order."""
    large = [t for t in tables if t.key[1] == "weights" and t.depth >= device.memory.rom_min_depth
             and t.sprams <= spare]
    large = sorted(large, key=lambda t: (-t.depth * t.width, t.key))[:LARGEST]
    for count in range(1, spare + 1):
        for chosen in combinations(large, count):
            if sum(t.sprams for t in chosen) <= spare:
                yield chosen


def _tables(layer: Product, matrix: Matrix, fold: Fold, hints: Hints) -> list[_Table]:
    threshold = layer.thresholds is not None and layer.thresholds.shape[1] == 1
    starts = start_values(layer, threshold, 0)
    groups = beats(matrix.rows, fold.pe) * (1 if matrix.depthwise else layer.groups)
    steps, words = groups * matrix.sf(fold.simd), groups * len(starts)
    wish = check_memory(layer, matrix, fold, hints)
    if steps == 1 and wish == "auto":
        wish = "constant"
    return [_Table((layer.name, "weights"), steps, fold.pe * fold.simd, wish),
            _Table((layer.name, "starts"), words, fold.pe * matrix.acc_width,
                   "constant" if words == 1 else "auto")]


def _buffers(layer: Product, matrix: Matrix, fold: Fold, device: Device) -> int:
    """Block RAMs, about, of what a layer buffers: its lines, its vector, its output queue."""
    lanes = matrix.lanes_in(fold) * matrix.bits
    total = 0
    if isinstance(layer, Conv) and matrix.taps > 1:
        rows = layer.window.reach[0] + layer.window.stride[0]
        across = layer.input.map[1] * beats(layer.input.channels, matrix.lanes_in(fold))
        if device.memory.ram_style(rows * across, lanes) == "block":
            total += device.memory.blocks(rows * across, lanes)
    depth = ReplayBuffer.depth(matrix.sf(fold.simd))
    width = fold.simd * matrix.bits
    if beats(matrix.rows, fold.pe) > 1 and device.memory.ram_style(depth, width) == "block":
        total += device.memory.blocks(depth, width)
    return total
