"""Where the tables of a design lie: block RAM where it saves most, until there is none left."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.arch.streaming.products import check_memory
from bnnhw.arch.streaming.units.starts import start_values
from bnnhw.config.hints import Hints
from bnnhw.device import Device
from bnnhw.golden.layout import beats
from bnnhw.ir.layers import Conv, Product
from bnnhw.plan.folding import Fold, Matrix
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["Storage", "choose_memories"]


@dataclass(frozen=True)
class Storage:
    """Storage of the tables of one product layer: ``block``, ``lut`` or ``constant``."""

    weights: str
    starts: str


@dataclass(frozen=True)
class _Table:
    key: tuple[str, str]
    depth: int
    width: int
    wish: str

    def blocks(self, device: Device) -> int:
        return device.blocks(self.depth, self.width)

    @property
    def luts(self) -> float:
        """Lookup tables that it takes elsewhere: one for 16 words of each column."""
        return (self.depth - 1) / 16 * self.width


def choose_memories(layers: list[tuple[Product, Matrix, Fold]], hints: Hints,
                    device: Device) -> dict[str, Storage]:
    """Choose the storage of every table.

    Without a part, a table goes to block RAM from ``Device.block_min_depth`` words on. With one,
    the tables that save the most lookup tables for a block RAM get them first, as long as there
    are any behind those that buffers need. What the user wrote stays.
    """
    tables = [table for item in layers for table in _tables(*item, hints)]
    chosen = {t.key: t.wish for t in tables if t.wish != "auto"}
    open_ = [t for t in tables if t.wish == "auto"]
    if device.budget is None:
        chosen.update({t.key: device.rom_style(t.depth) for t in open_})
    else:
        free = device.budget.blocks - sum(_buffers(layer, m, f, device) for layer, m, f in layers)
        free -= sum(t.blocks(device) for t in tables if t.wish == "block")
        worth = 0.1 * device.budget.luts / device.budget.blocks
        for table in sorted(open_, key=lambda t: (-t.luts / t.blocks(device), t.key)):
            blocks = table.blocks(device)
            fits = table.luts / blocks >= worth and blocks <= free
            chosen[table.key] = "block" if fits else "lut"
            free -= blocks if fits else 0
    return {layer.name: Storage(chosen[layer.name, "weights"], chosen[layer.name, "starts"])
            for layer, _, _ in layers}


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
        if device.ram_style(rows * across, lanes) == "block":
            total += device.blocks(rows * across, lanes)
    depth = ReplayBuffer.depth(matrix.sf(fold.simd))
    width = fold.simd * matrix.bits
    if beats(matrix.rows, fold.pe) > 1 and device.ram_style(depth, width) == "block":
        total += device.blocks(depth, width)
    return total
