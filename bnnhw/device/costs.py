"""What a unit costs on a family: block RAM by rule, LUT and FF by a model fitted to synthesis.

A unit's logic is a sum of counts (lanes, accumulator bits, …), each times a coefficient that
``bench/costs.py`` fitted to synthesis results of that kind of unit and wrote to ``costs.json``,
with the error that was left.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bnnhw.device import SPRAM_SHAPE, Device, sprams
from bnnhw.errors import PlanError

__all__ = ["Cost", "all_features", "block_count", "estimate", "model_error"]

RAM_LUTS = 6.0
"""Lookup tables that 16 words of 4 bits take, with their write port."""

COSTS = Path(__file__).with_name("costs.json")


class _Unit(Protocol):
    """What the estimate asks of a unit of a plan; ``memories`` are ``plan.Memory``."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    def counted(self) -> tuple[int, int] | None: ...

    def features(self) -> dict[str, float]: ...

    def memories(self) -> Iterable[Any]: ...


@dataclass(frozen=True)
class Cost:
    """LUT and FF are estimates, block RAM and SPRAM are counted.

    ``block_bits`` and ``spram_bits`` of them hold something.
    """

    lut: float
    ff: float
    block: int
    block_bits: int = 0
    spram: int = 0
    spram_bits: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.lut + other.lut, self.ff + other.ff, self.block + other.block,
                    self.block_bits + other.block_bits, self.spram + other.spram,
                    self.spram_bits + other.spram_bits)

    def block_use(self, device: Device) -> float:
        """Share of the bits of its block RAMs that hold something."""
        return self.block_bits / (self.block * device.block_size) if self.block else 0.0


def _in_block(memory: Any, device: Device) -> bool:
    """Whether synthesis puts a memory into block RAM."""
    if memory.style == "block":
        return bool(device.block_shapes)
    if not device.block_shapes or memory.style != "auto" or not memory.written or memory.depth < 2:
        return False
    more = device.auto_block_more * (device.blocks(memory.depth, memory.width) - 1)
    return bool(memory.depth * memory.width >= device.auto_block_bits + more)


def block_count(unit: _Unit, device: Device) -> int:
    """Block RAMs of a unit."""
    return sum(device.blocks(m.depth, m.width) for m in unit.memories() if _in_block(m, device))


def block_bits(unit: _Unit, device: Device) -> int:
    """Bits that a unit stores in block RAM."""
    return sum(m.depth * m.width for m in unit.memories() if _in_block(m, device))


def all_features(unit: _Unit, device: Device) -> dict[str, float]:
    """The unit's own counts, and those of its memories that are not in block RAM."""
    features = dict(unit.features())
    for memory in unit.memories():
        if memory.style == "spram":
            continue
        if _in_block(memory, device):
            rows, _ = device.block_grid(memory.depth, memory.width)
            features["choice"] = features.get("choice", 0.0) + (rows - 1) * memory.width
            continue
        if memory.written:
            key, cells = "ram", -(-memory.depth // 16) * -(-memory.width // 4)
        else:
            # A column of a table takes a lookup table for 16 words, and some to choose.
            key, cells = "rom", (memory.depth - 1) / 16 * memory.width if memory.depth > 1 else 0
        features[key] = features.get(key, 0.0) + cells
    return features


@functools.cache
def _models(family: str) -> dict[str, Any]:
    data = json.loads(COSTS.read_text()) if COSTS.exists() else {}
    return dict(data.get("families", {}).get(family, {}))


def estimate(unit: _Unit, device: Device) -> Cost | None:
    """Estimate a unit; None where the family has no model."""
    models = _models(device.family)
    if not models:
        return None
    features = all_features(unit, device)
    known = unit.counted()
    stored = replace(_loaded(unit), block=block_count(unit, device),
                     block_bits=block_bits(unit, device))
    if known is not None:
        queue = RAM_LUTS * features.get("ram", 0.0) if device.lut_ram else 0.0
        return Cost(known[0] + queue, known[1], 0) + stored
    model = models["kinds"].get(unit.kind)
    if model is None:
        raise PlanError(f"no cost is known for units of kind '{unit.kind}' on {device.family}",
                        where=f"unit '{unit.name}'", hint="a device of another family")
    lut, ff = (sum(model[what].get(name, 0.0) * count for name, count in features.items())
               for what in ("lut", "ff"))
    return Cost(lut, ff, 0) + stored


def _loaded(unit: _Unit) -> Cost:
    """SPRAM of a unit, with what chooses the address and, of several behind each other, the word.

    An address bit takes a lookup table, and each cell one for its write enable.
    """
    cost = Cost(0.0, 0.0, 0)
    for m in unit.memories():
        if m.style == "spram":
            count, rows = sprams(m.depth, m.width), -(-m.depth // SPRAM_SHAPE[0])
            address = (m.depth - 1).bit_length()
            cost += Cost(address + count + (rows - 1) * m.width, max(0, rows - 1).bit_length(), 0,
                         0, count, m.depth * m.width)
    return cost


def model_error(device: Device) -> float | None:
    """90th percentile of the relative LUT error over whole designs that were not fitted to."""
    models = _models(device.family)
    return float(models["lut_error"]) if models else None
