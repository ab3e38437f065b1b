"""Estimates the cost of a hardware unit on a device: block RAMs, LUTs and flip-flops.

A unit's logic is a sum of features (lanes, accumulator bits, …), each times a coefficient that
``bench/costs.py`` fitted to synthesis results of that kind of unit, see ``CostModel``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from bnnhw.errors import PlanError
from bnnhw.families.base import RAM_LUTS, Device
from bnnhw.families.parts import SPRAM_SHAPE, sprams
from bnnhw.families.registry import get_device

__all__ = ["RAM_LUTS", "Cost", "all_features", "block_bits", "block_count", "block_price",
           "estimate", "rom_luts"]


PRICE_OF_BLOCK = 0.1
"""Price of a block RAM, relative to the LUTs that a part has for each of them."""
BITS_A_LUT = 512
"""Bits of block RAM for the price of a LUT, for families without a part."""


class _Memory(Protocol):
    """What the estimate reads of a memory of a unit."""

    @property
    def what(self) -> str: ...

    @property
    def depth(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def style(self) -> str: ...

    @property
    def written(self) -> bool: ...


class _Unit(Protocol):
    """What the estimate reads of a unit of a plan."""

    @property
    def kind(self) -> str: ...

    def counted(self) -> tuple[int, int] | None: ...

    def features(self) -> dict[str, float]: ...

    def memories(self) -> Iterable[_Memory]: ...


@dataclass(frozen=True)
class Cost:
    """Resources of a unit or a design: LUTs and flip-flops are estimates, memories are counted.

    Attributes
    ----------
    lut, ff : float
    block, spram : int
        Block RAMs and SPRAMs.
    block_bits, spram_bits : int
        Bits of them that are in use.
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
        """Fraction of the bits of its block RAMs that are in use."""
        return self.block_bits / (self.block * device.memory.block_bits) if self.block else 0.0


def _in_block(memory: _Memory, device: Device) -> bool:
    """Whether synthesis puts a memory into block RAM."""
    have = device.memory
    if memory.style == "block":
        return bool(have.block_shapes)
    if not have.block_shapes or memory.style != "auto" or not memory.written or memory.depth < 2:
        return False
    more = have.auto_more_bits * (have.blocks(memory.depth, memory.width) - 1)
    return bool(memory.depth * memory.width >= have.auto_bits + more)


def block_count(unit: _Unit, device: Device) -> int:
    """Block RAMs of a unit."""
    return sum(device.memory.blocks(m.depth, m.width) for m in unit.memories()
               if _in_block(m, device))


def block_bits(unit: _Unit, device: Device) -> int:
    """Bits that a unit stores in block RAM."""
    return sum(m.depth * m.width for m in unit.memories() if _in_block(m, device))


def all_features(unit: _Unit, device: Device) -> dict[str, float]:
    """Features of a unit, with those of its memories outside of block RAM.

    Parameters
    ----------
    unit : plan.Unit
    device : Device

    Returns
    -------
    dict of str to float
        ``choice``: bits that multiplexers choose between block RAMs; ``ram``: LUT memories of
        16 words of 4 bits; ``weight_rom``: LUTs of ROMs of weights, see ``rom_luts``; ``rom``: LUTs
        of other ROMs, a LUT per column and 16 words; and the features of the unit itself.
    """
    features = dict(unit.features())
    for memory in unit.memories():
        if memory.style == "spram":
            continue
        if _in_block(memory, device):
            rows, _ = device.memory.block_grid(memory.depth, memory.width)
            features["choice"] = features.get("choice", 0.0) + (rows - 1) * memory.width
            continue
        cells: float
        if memory.what == "weights":
            key, cells = "weight_rom", rom_luts(memory.depth, memory.width)
        elif memory.written:
            key, cells = "ram", -(-memory.depth // 16) * -(-memory.width // 4)
        else:
            key, cells = "rom", (memory.depth - 1) / 16 * memory.width if memory.depth > 1 else 0
        features[key] = features.get(key, 0.0) + cells
    return features


def block_price(device: Device) -> float:
    """LUTs that a block RAM has to save: a share of those that a part has for each block RAM."""
    part = get_device(device.name).budget  # ``device`` may be a share of the part
    if part is None or not part.blocks:
        return device.memory.block_bits / BITS_A_LUT if device.memory.block_shapes else 0.0
    return PRICE_OF_BLOCK * part.luts / part.blocks


def rom_luts(depth: int, width: int) -> float:
    """LUTs of a ROM of weights outside block RAM.

    A column of 16 words is a LUT, and two LUTs choose between four of these. Equal columns share
    their LUTs: of the ``2**depth`` possible ones, random columns are not all different.
    """
    if depth == 1:
        return 0.0
    groups, possible = max(depth / 16, 1.0), 2.0 ** min(depth, 64)
    distinct = -possible * math.expm1(-width / possible)
    return distinct * (groups + (groups - 1) * 2 / 3)


def estimate(unit: _Unit, device: Device) -> Cost:
    """Estimate a unit.

    Raises
    ------
    PlanError
        The device's family has no cost model, or none for this kind of unit.
    """
    kinds = device.family.need_costs().kinds
    features = all_features(unit, device)
    known = unit.counted()
    stored = replace(_loaded(unit), block=block_count(unit, device),
                     block_bits=block_bits(unit, device))
    if known is not None:
        queue = RAM_LUTS * features.get("ram", 0.0) if device.memory.lut_ram else 0.0
        return Cost(known[0] + queue, known[1], 0) + stored
    model = kinds.get(unit.kind)
    if model is None:
        raise PlanError(f"the cost model of family '{device.family.name}' has no unit of kind "
                        f"'{unit.kind}'",
                        hint="use a device of another family, or fit the cost with bench/costs.py")
    lut, ff = (sum(model[what].get(name, 0.0) * count for name, count in features.items())
               for what in ("lut", "ff"))
    return Cost(lut, ff, 0) + stored


def _loaded(unit: _Unit) -> Cost:
    """SPRAMs of a unit, with the logic that addresses them and chooses between them.

    An address bit has a LUT, and each SPRAM has one for its write enable.
    """
    cost = Cost(0.0, 0.0, 0)
    for m in unit.memories():
        if m.style == "spram":
            count, rows = sprams(m.depth, m.width), -(-m.depth // SPRAM_SHAPE[0])
            address = (m.depth - 1).bit_length()
            cost += Cost(address + count + (rows - 1) * m.width, max(0, rows - 1).bit_length(), 0,
                         0, count, m.depth * m.width)
    return cost
