"""Verilog of netlists. A new target is a file and one entry here."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule
from bnnhw.logic.targets import TARGETS
from bnnhw.logic.text.cells import standard_cells
from bnnhw.logic.text.ecp5 import ecp5_cells, ecp5_luts, ecp5_register
from bnnhw.logic.text.ice40 import ice40_cells, ice40_luts
from bnnhw.logic.text.module import Names, module_text
from bnnhw.logic.text.portable import portable_cells
from bnnhw.logic.text.xc7 import xc7_cells, xc7_luts

__all__ = ["REGISTERS", "WRITERS", "luts_of", "module_text"]

WRITERS: dict[str, Callable[[Names], list[str]]] = {
    "ecp5": ecp5_cells, "ice40": ice40_cells, "xc7": xc7_cells, "generic": portable_cells,
    "cells": standard_cells,
}

REGISTERS: dict[str, Callable[[str, str], str]] = {"ecp5": ecp5_register}
"""Registers as cells, of families that limit fan-out."""

LUTS: dict[str, Callable[[Names], int]] = {"ecp5": ecp5_luts, "ice40": ice40_luts, "xc7": xc7_luts}
"""Lookup tables that a writer's instances are, of families whose text is nothing but instances."""


def luts_of(netlist: Netlist, schedule: Schedule, family: str) -> int:
    """Lookup tables of a netlist as it is written, with its stages.

    Where the text is instances it comes from the very places that are written: chains of a stage
    stand behind one another, in sequences that end somewhere. Exact for ECP5; of iCE40 and the 7
    series Yosys merges a few tables of whole layers more. Where tools map expressions it is the
    price of the target.
    """
    if family not in LUTS:
        return TARGETS[family].cost(netlist)
    inverters = len({lit for lit in netlist.outputs if lit > 1 and lit & 1})
    return LUTS[family](Names(netlist, schedule)) + inverters
