"""The Verilog around a netlist: words in, words out, and its cells with their delays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bnnhw.asic.netlist import Netlist
from bnnhw.errors import ToolError

__all__ = ["BEAT", "HOLD", "Traffic", "bench_text", "delayed_netlist"]

HOLD = 0.1
"""Part of the period that inputs change behind the rising edge, as if registers drove them."""

BEAT = "bnnhw cycle "
"""What a simulation prints before the number of a cycle, for progress."""

REPORTS = 100
"""Cycles of a simulation that are printed, about."""


@dataclass(frozen=True)
class Traffic:
    """What goes through a netlist.

    Attributes
    ----------
    top : str
    in_bytes, out_bytes : int
        Bytes of a word of ``s_axis_tdata`` and ``m_axis_tdata``.
    in_frame, out_frame : int
        Words of a frame.
    words : int
        Words to send; then the first one comes again.
    frames : int
        Frames that have to come out.
    cycles : int
        Cycles after which the netlist counts as silent.
    expected : int
        Cycles that the simulation takes, about; progress is counted against them.
    """

    top: str
    in_bytes: int
    out_bytes: int
    in_frame: int
    out_frame: int
    words: int
    frames: int
    cycles: int
    expected: int


def bench_text(traffic: Traffic, period: float, seed: int, dump: bool) -> str:
    """Write the bench ``bench`` with the netlist ``dut``.

    It reads ``in.hex``, sends its words, and writes ``out.txt``: the cycle of the first word in,
    and of each word out with its data.

    Parameters
    ----------
    traffic : Traffic
    period : float
        Seconds.
    seed : int
        Of the values at power-up.
    dump : bool
        Write ``nets.vcd`` from the end of the first frame on.
    """
    t = traffic
    half = round(period * 1e12 / 2) / 1000
    begin = """
          if (got == OUT_FRAME - 1) begin $dumpfile("nets.vcd"); $dumpvars(1, dut); end""" \
        if dump else ""
    return f"""`timescale 1ns/1ps
module bench;
  integer seed = {seed};
  localparam WORDS = {t.words}, IN_FRAME = {t.in_frame}, OUT_FRAME = {t.out_frame};
  reg clk = 0, rst = 1, valid = 0;
  reg [{8 * t.in_bytes - 1}:0] memory [0:WORDS - 1];
  reg [{8 * t.in_bytes - 1}:0] data = 0;
  reg last = 0;
  wire in_ready, out_valid, out_last, frame_error;
  wire [{8 * t.out_bytes - 1}:0] out;
  integer sent = 0, got = 0, cycle = 0, file;
  reg taken;

  {t.top} dut (.clk(clk), .rst(rst), .s_axis_tdata(data), .s_axis_tvalid(valid),
    .s_axis_tlast(last), .s_axis_tready(in_ready), .m_axis_tdata(out), .m_axis_tvalid(out_valid),
    .m_axis_tlast(out_last), .m_axis_tready(1'b1), .frame_error(frame_error));

  initial begin
    $readmemh("in.hex", memory);
    file = $fopen("out.txt", "w");
  end
  always #({half}) clk = ~clk;
  always @(posedge clk) begin
    cycle = cycle + 1;
    if (cycle % {max(1, t.expected // REPORTS)} == 0) begin
      $display("{BEAT}%0d", cycle);
      $fflush;
    end
    taken = 0;
    if (!rst) begin
      // Compared with ===, so that an unknown valid counts as a word, and its data show it.
      if (out_valid !== 1'b0) begin
        $fdisplay(file, "out %0d %h", cycle, out);{begin}
        got = got + 1;
        if (got == {t.frames} * OUT_FRAME) begin $fclose(file); $finish; end
      end
      if (valid && in_ready !== 1'b0) begin
        if (sent == 0) $fdisplay(file, "first %0d", cycle);
        taken = 1;
        sent = sent + 1;
      end
    end
    if (cycle == {t.cycles}) begin $fclose(file); $finish; end
    #({HOLD * 2 * half:.3f});
    if (cycle >= 8) begin
      rst = 0;
      valid = 1;
      data = memory[sent % WORDS];
      last = sent % IN_FRAME == IN_FRAME - 1;
    end
  end
endmodule
"""


def delayed_netlist(flat: str, netlist: Netlist) -> str:
    """The text of a netlist, with the delays of each instance as its parameters.

    Raises
    ------
    ToolError
        An instance was not found in the text.
    """
    known = netlist.by_name
    placed = set()

    def place(match: re.Match[str]) -> str:
        name = match[2].removeprefix("\\")
        instance = known.get(name)
        if instance is None or instance.cell.name != match[1]:
            return match[0]
        placed.add(name)
        values = []
        for pin in instance.cell.outputs:
            if pin in instance.pins:
                rise, fall = (delay * 1e9 for delay in netlist.delays(instance, pin))
                values.append(f".{pin}_R({rise:.4f}), .{pin}_F({fall:.4f})")
        return f"  {match[1]} #({', '.join(values)}) {match[2]} ("

    text = re.sub(r"^  (\w+) (\\\S+|\w+) +\($", place, flat, flags=re.MULTILINE)
    if placed != known.keys():
        # Without its delay a cell would hide the glitches and races that are looked for.
        raise ToolError(f"{len(known) - len(placed)} cells have no place in the text",
                        where="gate-level simulation")
    return text
