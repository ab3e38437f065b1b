"""The ``cells`` family: standard cells, with full adders, latches and gates."""

from __future__ import annotations

import sys

from bnnhw.families.base import Family, Memory
from bnnhw.families.cells.target import Cells
from bnnhw.families.registry import register

__all__ = ["CELLS"]

CELLS = register(Family(
    "cells", "standard cells: full adders, latches, gates", Cells(),
    # Every ROM is logic: standard cells have no memory with fixed contents.
    Memory(rom_min_depth=sys.maxsize, latches=True)))
