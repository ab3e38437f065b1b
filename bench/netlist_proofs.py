"""Measures the equivalence check of netlists with latches; part of ``bench/cells.py``."""

from __future__ import annotations

from typing import Any

from buffered_core import core_of, processor_seconds

from bnnhw.asic import CellLibrary, Mapped, map_design, map_verilog, prove_netlist
from bnnhw.emit.design import Design
from bnnhw.emit.verilog import convert
from bnnhw.rtl.scm import Scm

__all__ = ["bench_large_proof", "bench_proofs"]

SMALL_CORE = "ni=1,no=1,kernel=3,depth=8,bank=4"
MIDDLE_CORE = "ni=8,no=8"


def bench_proofs(library: CellLibrary) -> list[dict[str, Any]]:
    """Processor time of one proof in seconds, without mapping."""
    return [*(_row(f"latch memory of {rows} x {width}", *_memory(library, rows, width))
              for rows, width in ((128, 12), (32, 196))),
            _row("core of 1 x 1 channels, 3 x 3",
                 *_core(library, core_of(4, 1, 1, 3, SMALL_CORE))),
            _row("core of 8 x 8 channels, 7 x 7",
                 *_core(library, core_of(4, 2, 8, 7, MIDDLE_CORE)))]


def bench_large_proof(library: CellLibrary) -> list[dict[str, Any]]:
    """The same for the default core, whose proof takes minutes and 4 GB."""
    return [_row("core of 32 x 32 channels, 7 x 7", *_core(library, core_of(4, 2, 32)))]


def _memory(library: CellLibrary, rows: int, width: int) -> tuple[str, Mapped]:
    memory = Scm(rows=rows, width=width, gating=2)
    text = convert(memory)
    return text, map_verilog(text, memory.module_name, library)


def _core(library: CellLibrary, design: Design) -> tuple[str, Mapped]:
    return design.verilog, map_design(design, library)


def _row(what: str, verilog: str, mapped: Mapped) -> dict[str, Any]:
    begin = processor_seconds()
    proof = prove_netlist(verilog, mapped)
    seconds = processor_seconds() - begin
    assert proof.proven, what
    print(f"{what}: {proof.sentence()}", flush=True)
    return {"what": f"proof of a {what}, s ({proof.registers:,} registers, {proof.latches:,} "
                    f"latches, {proof.compared:,} compared functions)",
            "ours": round(seconds, 1), "plain": "", "goal": "", "stretch goal": ""}
