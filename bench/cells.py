"""Measures area and energy in standard cells: python bench/cells.py [PART ...]

These parts run by default: ``popcount``, ``memory``, ``energy`` (simulates with Icarus Verilog),
``core`` (maps the 7x7 core of 32 x 32 channels, which takes minutes), ``proofs`` (proves netlists)
and ``libraries`` (compares the installed ones). Two parts run only if they are named: ``buffered``
maps the core with buffers, analyses its timing with OpenSTA and simulates a job in its netlist with
delays, which takes a quarter of an hour and 8 GB; ``large_proof`` proves the netlist of that core.
``--cells`` names the library, by default osu018 of Debian's qflow-tech-osu018.

All figures are before layout. The table compares them with goals, and with YodaNN as published
(Andri et al., IEEE TCAD 2018): 1.33 MGE in 65 nm, 1,510 GOp/s at 1.2 V, thus 2.36 Op/cycle/kGE.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buffered_core import bench_buffered_core, core_of
from cell_libraries import bench_libraries
from memory_energy import bench_energy
from netlist_proofs import bench_large_proof, bench_proofs

from bnnhw.asic import CellLibrary, CellReport, load_library, make_report, map_design, map_verilog
from bnnhw.cli.tables import print_table
from bnnhw.emit.verilog import convert
from bnnhw.families import get_target
from bnnhw.logic.popcount import popcount_verilog
from bnnhw.rtl.scm import Scm

PLAIN = """module plain(input [{high}:0] x, output [{top}:0] y);
  assign y = {sum};
endmodule
"""


def bench_popcount(library: CellLibrary) -> list[dict[str, Any]]:
    """XNOR and popcount with variable weights: our netlist, and synthesis of ``+``."""
    rows = []
    for size in (128, 256):
        text = popcount_verilog("ours", size, get_target("cells"), 0, False)
        ours = map_verilog(text, "ours", library, buffered=False).gate_equivalents
        bits = [f"(x[{k}] ~^ x[{size + k}])" for k in range(size)]
        while len(bits) > 1:
            bits = [f"({a} + {b})" if b else a
                    for a, b in zip(bits[::2], [*bits[1::2], ""], strict=False)]
        wide = f"{size.bit_length()}'d0 + {bits[0]}"
        text = PLAIN.format(high=2 * size - 1, top=size.bit_length() - 1, sum=wide)
        plain = map_verilog(text, "plain", library, buffered=False).gate_equivalents
        rows.append({"what": f"XNOR and popcount of {size}, GE per bit",
                     "ours": round(ours / size, 2), "plain": round(plain / size, 2),
                     "goal": "<= 7.6", "stretch goal": "<= 7.3"})
    return rows


def bench_memory(library: CellLibrary) -> list[dict[str, Any]]:
    """Latch memories with clock-gated rows, compared with the same memories of flip-flops."""
    rows = []
    for count, width in ((128, 12), (32, 196)):
        areas = {}
        for storage in ("latch", "flop"):
            memory = Scm(rows=count, width=width, gating=2, storage=storage)
            mapped = map_verilog(convert(memory), memory.module_name, library, buffered=False)
            areas[storage] = mapped.gate_equivalents / (count * width)
        rows.append({"what": f"memory of {count} x {width}, GE per bit",
                     "ours": round(areas["latch"], 2), "plain": round(areas["flop"], 2),
                     "goal": "<= 4.4", "stretch goal": "<= 4.0"})
    return rows


def bench_core(library: CellLibrary) -> list[dict[str, Any]]:
    """The default core by its units, for a layer of 32 x 32 channels with a 7 x 7 kernel."""
    design = core_of(32, 32, 32)
    report = make_report(design, map_design(design, library, buffered=False))
    print_table("core by unit", report.columns(), report.rows())
    return [
        {"what": "core of 32 x 32 channels, kGE", "ours": round(report.kilo_gates, 1),
         "plain": "1,330 (published, 65 nm)", "goal": "<= 900", "stretch goal": "<= 780"},
        {"what": "Op per cycle and kGE at 7 x 7", "ours": round(2 * 49 * 32 / report.kilo_gates, 2),
         "plain": "2.36 (published)", "goal": ">= 3.5", "stretch goal": ">= 4"},
        *({"what": f"core, {title}, kGE", "ours": round(kilo_gates, 1), "plain": "", "goal": "",
           "stretch goal": ""} for title, kilo_gates in _modules(report)),
    ]


def _modules(report: CellReport) -> list[tuple[str, float]]:
    """Thousands of gate equivalents by module, the largest first."""
    areas: dict[str, float] = {}
    for unit in report.units:
        title = re.sub(r"\d+$", "", unit.unit).replace("_", " ")
        areas[title] = areas.get(title, 0.0) + unit.total / report.gate / 1000
    return sorted(areas.items(), key=lambda item: -item[1])


PARTS: dict[str, Callable[[CellLibrary], list[dict[str, Any]]]] = {
    "popcount": bench_popcount, "memory": bench_memory, "energy": bench_energy,
    "core": bench_core, "proofs": bench_proofs, "libraries": bench_libraries,
    "buffered": bench_buffered_core, "large_proof": bench_large_proof}
BY_NAME = {"buffered", "large_proof"}
"""Parts that run only if they are named."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"parts to run: {', '.join(PARTS)}")
    parser.add_argument("--cells", default="osu018")
    parser.add_argument("-o", "--out", type=Path, default=Path("bench/cells.json"))
    arguments = parser.parse_args()
    library = load_library(arguments.cells)
    columns = ("what", "ours", "plain", "goal", "stretch goal")
    for name, part in PARTS.items():
        if name in arguments.parts or not (arguments.parts or name in BY_NAME):
            start = time.monotonic()
            rows = part(library)
            # Read the file late: another run may have written its part in the meantime.
            kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
            kept[name] = {"library": library.name, "rows": rows,
                          "seconds": round(time.monotonic() - start, 1)}
            print_table(f"{name}, {library.name}, before layout", columns,
                        [tuple(row[c] for c in columns) for row in rows])
            arguments.out.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
