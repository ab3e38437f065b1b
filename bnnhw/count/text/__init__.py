"""Verilog of netlists. A new target is a file and one entry here."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.count.text.cells import standard_cells
from bnnhw.count.text.ecp5 import ecp5_cells, ecp5_register
from bnnhw.count.text.ice40 import ice40_cells
from bnnhw.count.text.module import Names, module_text
from bnnhw.count.text.portable import portable_cells
from bnnhw.count.text.xc7 import xc7_cells

__all__ = ["REGISTERS", "WRITERS", "module_text"]

WRITERS: dict[str, Callable[[Names], list[str]]] = {
    "ecp5": ecp5_cells, "ice40": ice40_cells, "xc7": xc7_cells, "generic": portable_cells,
    "cells": standard_cells,
}

REGISTERS: dict[str, Callable[[str, str], str]] = {"ecp5": ecp5_register}
"""Registers as cells, of families that limit fan-out."""
