"""Writes the Verilog of a gate-level simulation: the testbench, and the netlist with delays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bnnhw.asic.cell_models import cell_model
from bnnhw.asic.netlist import Netlist
from bnnhw.errors import ToolError

__all__ = ["CYCLE_MARK", "INPUT_DELAY", "Traffic", "delayed_netlist", "testbench_verilog"]

INPUT_DELAY = 0.1
"""Fraction of the period after the clock edge at which inputs change, as if driven by registers."""

CYCLE_MARK = "bnnhw cycle "
"""Prefix of the cycle number that a simulation prints to report progress."""

REPORTS = 100
"""Approximate number of progress reports of a simulation."""


@dataclass(frozen=True)
class Traffic:
    """The stream of words that a simulation sends through a netlist.

    Attributes
    ----------
    top : str
        Name of the top module.
    in_bytes, out_bytes : int
        Bytes per word of ``s_axis_tdata`` and ``m_axis_tdata``.
    in_frame, out_frame : int
        Words per frame.
    words : int
        Number of different words to send; they are repeated from the first one on.
    frames : int
        Output frames after which the simulation ends.
    timeout_cycles : int
        Cycles after which the simulation ends although frames are missing.
    expected_cycles : int
        Approximate length of the simulation, to which progress refers.
    """

    top: str
    in_bytes: int
    out_bytes: int
    in_frame: int
    out_frame: int
    words: int
    frames: int
    timeout_cycles: int
    expected_cycles: int


def testbench_verilog(traffic: Traffic, period: float, seed: int, dump: bool) -> str:
    """Return the testbench ``bench``, which instantiates the netlist as ``dut``.

    It sends the words of ``in.hex`` and writes ``out.txt``: the cycle in which the first word is
    accepted, and the cycle and data of each output word.

    Parameters
    ----------
    traffic : Traffic
    period : float
        Clock period in seconds.
    seed : int
        Seed of the initial values of registers and latches.
    dump : bool
        Record ``nets.vcd`` from the end of the first output frame on.
    """
    t = traffic
    half = round(period * 1e12 / 2) / 1000
    start_dump = """
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
  reg accepted;

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
    if (cycle % {max(1, t.expected_cycles // REPORTS)} == 0) begin
      $display("{CYCLE_MARK}%0d", cycle);
      $fflush;
    end
    accepted = 0;
    if (!rst) begin
      // An unknown valid (x) counts as a word, so that the comparison of data finds it.
      if (out_valid !== 1'b0) begin
        $fdisplay(file, "out %0d %h", cycle, out);{start_dump}
        got = got + 1;
        if (got == {t.frames} * OUT_FRAME) begin $fclose(file); $finish; end
      end
      if (valid && in_ready !== 1'b0) begin
        if (sent == 0) $fdisplay(file, "first %0d", cycle);
        accepted = 1;
        sent = sent + 1;
      end
    end
    if (cycle == {t.timeout_cycles}) begin $fclose(file); $finish; end
    #({INPUT_DELAY * 2 * half:.3f});
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
    """Return a netlist with the delays of each instance, and with the models of its cells.

    Parameters
    ----------
    flat : str
        Verilog of the flat netlist.
    netlist : Netlist
        The same netlist; its loads determine the delays.

    Raises
    ------
    ConfigError
        A cell of the netlist cannot be simulated.
    ToolError
        An instance of the netlist is not in the Verilog.
    """
    cells = {instance.cell.name: instance.cell for instance in netlist.instances}
    models = "\n".join(cell_model(cells[name]) for name in sorted(cells))
    return f"`timescale 1ns/1ps\n{models}{_annotated(flat, netlist)}"


def _annotated(flat: str, netlist: Netlist) -> str:
    """Return the Verilog of a netlist with the delays of each instance as its parameters."""
    instances = netlist.by_name
    annotated = set()

    def annotate(match: re.Match[str]) -> str:
        name = match[2].removeprefix("\\")
        instance = instances.get(name)
        if instance is None or instance.cell.name != match[1]:
            return match[0]
        annotated.add(name)
        values = []
        for pin in instance.cell.outputs:
            if pin in instance.pins:
                rise, fall = (delay * 1e9 for delay in netlist.delays(instance, pin))
                values.append(f".{pin}_R({rise:.4f}), .{pin}_F({fall:.4f})")
        return f"  {match[1]} #({', '.join(values)}) {match[2]} ("

    text = re.sub(r"^  (\w+) (\\\S+|\w+) +\($", annotate, flat, flags=re.MULTILINE)
    if annotated != instances.keys():
        # A cell without delay would hide the glitches and races that the simulation is for.
        raise ToolError(f"{len(instances) - len(annotated)} instances of the netlist were not "
                        "found in its Verilog, so that they have no delays",
                        where="gate-level simulation")
    return text
