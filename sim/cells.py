"""Cell-level simulation: the Verilog as synthesis sees it, with the vendor's cell models."""

from __future__ import annotations

import re
from dataclasses import replace

from bnnhw.emit.design import Design
from bnnhw.families import get_device
from bnnhw.sim.cell_models import cell_models

__all__ = ["with_cells"]


def with_cells(design: Design) -> Design:
    """Return a design as synthesis reads it (``SYNTHESIS`` is defined), with models of its cells.

    Raises
    ------
    ToolError
        Yosys, which contains the models, is not installed, or has no model of a cell.
    """
    models = get_device(design.plan.device).family.simulation
    defined = set(re.findall(r"^module (\w+)", design.verilog, re.MULTILINE))
    used = set(re.findall(r"^\s*([A-Z]\w+) (?:#\(|\w+\()", design.verilog, re.MULTILINE)) - defined
    libraries = models.libraries if models else ()
    text = "`define SYNTHESIS\n" + design.verilog + cell_models(libraries, used)
    return replace(design, verilog=text)
