"""Place and route with nextpnr, for fmax and utilisation of a core without a board."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.device import Device
from bnnhw.emit.design import Design
from bnnhw.errors import FitError, PlanError, ToolError
from bnnhw.tools.families import FAMILIES
from bnnhw.tools.fractions import nextpnr_fraction
from bnnhw.tools.too_large import fit_error
from bnnhw.tools.tools import Tools

__all__ = ["PARTS", "PARTS_BY_NAME", "Part", "pin_saver", "place_and_route"]

@dataclass(frozen=True)
class Part:
    """A part that a family is placed on, and how its nextpnr is called."""

    name: str
    program: str
    arguments: tuple[str, ...]


def _ecp5(size: int, kind: str = "", speed: int = 6) -> Part:
    return Part(f"LFE5{kind.upper() or 'U'}-{size}F", "nextpnr-ecp5", (
        f"--{kind}{'-' * bool(kind)}{size}k", "--package",
        "CABGA756" if size == 85 else "CABGA554" if size == 45 else "CABGA381",
        "--speed", str(speed), "--lpf-allow-unconstrained"))


def _ice40(name: str, option: str, package: str) -> Part:
    return Part(name, "nextpnr-ice40",
                (f"--{option}", "--package", package, "--pcf-allow-unconstrained"))


PARTS = {
    "ecp5": _ecp5(85), "ecp5-25": _ecp5(25), "ecp5-45": _ecp5(45), "ecp5-85": _ecp5(85),
    "ice40": _ice40("iCE40-HX8K", "hx8k", "ct256"), "hx8k": _ice40("iCE40-HX8K", "hx8k", "ct256"),
    "up5k": _ice40("iCE40-UP5K", "up5k", "sg48"),
}
"""By device; a family is placed on its largest part, of the lowest speed grade."""

PARTS_BY_NAME = {"lfe5um5g-85f": ("ecp5", _ecp5(85, "um5g", 8))}
"""Others, with the family that they are of. That of Lattice's ECP5 evaluation board."""


SHIFTED = 64
"""Bits of a shift register."""


def pin_saver(design: Design) -> str:
    """Verilog of a top that feeds a wide core from one pin and reads it through another.

    Inputs come from a shift register and outputs go into one, so that every path in the core
    begins and ends at a register and nothing is optimised away. Its flip-flops are part of the
    utilisation. That of the inputs is a row of short ones, as Yosys goes along each by recursion.
    """
    plan = design.plan
    loads = design.image is not None
    load = 18 if loads else 0
    wide_in, wide_out = 8 * plan.i.bytes + 3 + load, 8 * plan.o.bytes + 4 + loads
    data_in, data_out = wide_in - load - 1, wide_out - loads - 1
    rows = -(-wide_in // SHIFTED)
    more = "" if not loads else (
        f",\n    .load_begin(in[{data_in + 1}]), .load_valid(in[{data_in + 2}]), "
        f".load_data(in[{wide_in - 1}:{data_in + 3}]), .loaded(result[{wide_out - 1}])")
    return f"""
module pins (input clk, input rst, input si, output so);
  reg [{wide_in - 1}:0] in = 0;
  reg [{rows - 1}:0] head = 0;
  integer k;
  reg [{wide_out - 1}:0] out = 0;
  reg load = 0;
  wire [{wide_out - 1}:0] result;
  assign so = out[{wide_out - 1}];
  always @(posedge clk) begin
    head <= {{head, si}};
    for (k = 0; k < {wide_in}; k = k + 1)
      in[k] <= k % {SHIFTED} ? in[k - 1] : head[k / {SHIFTED}];
    load <= si ^ load;
    out <= load ? result : {{out[{wide_out - 2}:0], si}};
  end
  {plan.name} core (
    .clk(clk), .rst(rst), .s_axis_tdata(in[{data_in}:3]), .s_axis_tvalid(in[0]),
    .s_axis_tlast(in[1]), .m_axis_tready(in[2]), .s_axis_tready(result[0]),
    .m_axis_tvalid(result[1]), .m_axis_tlast(result[2]), .frame_error(result[3]),
    .m_axis_tdata(result[{data_out}:4]){more});
endmodule
"""


def _hops(path: list[dict[str, Any]]) -> list[str]:
    """Cells on a path, each once, by the unit and signal that their names tell."""
    names: list[str] = []
    for hop in path:
        name = str(hop["to"]["cell"]).removeprefix("core.")
        if not names or names[-1] != name:
            names.append(name)
    return names


def _part(device: Device, name: str | None) -> Part:
    """The part of a device, or another one of its family."""
    if device.name not in PARTS:
        raise PlanError(f"device '{device.name}' has no open place and route",
                        hint=f"use one of {', '.join(PARTS)}, or leave --pnr out")
    if name is None:
        return PARTS[device.name]
    family, part = PARTS_BY_NAME.get(name, ("", None))
    if part is None or family != device.family:
        known = [n for n, (f, _) in PARTS_BY_NAME.items() if f == device.family]
        raise PlanError(f"unknown part '{name}' of {device.name}",
                        hint=f"use one of {', '.join(known)}" if known else "leave --part out")
    return part


def place_and_route(design: Design, device: Device, freq_mhz: float, seed: int,
                    part_name: str | None = None,
                    report: Callable[[float], None] = lambda fraction: None) -> dict[str, Any]:
    """Synthesise flat, place and route, and read fmax and utilisation.

    Parameters
    ----------
    part_name : str or None
        A key of ``PARTS_BY_NAME``; None for that of the device.
    report : callable
        Is told the fraction of placing and routing that is done.

    Raises
    ------
    PlanError
        There is no open place and route for the device.
    FitError
        The design is larger than the part, or the router makes no headway.
    ToolError
        A tool is missing or failed.
    """
    part, family = _part(device, part_name), FAMILIES[device.family]
    if freq_mhz <= 0:
        raise PlanError("--freq must be positive")
    synth = device.synth_with_pads
    with tempfile.TemporaryDirectory(prefix="bnnhw-pnr-") as scratch:
        folder = Path(scratch)
        (folder / "core.v").write_text(design.verilog + pin_saver(design))
        tools = Tools()
        tools.run("yosys", ["-q", "-p", f"read_verilog core.v; {synth} -top pins -json core.json"],
                  folder)
        if family.ease is not None:
            family.ease(folder / "core.json")
        ways = family.ways(folder / "core.json", logic=True)
        try:
            tools.run(part.program, [
                *part.arguments, *ways, "--json", "core.json", "--report", "report.json",
                "--freq", f"{freq_mhz:g}", "--seed", str(seed), "--timing-allow-fail", "--quiet",
                "--log", "nextpnr.log",
            ], folder, "nextpnr.log", nextpnr_fraction(report))
        except (ToolError, FitError) as error:
            raise fit_error(error, part.name) from None
        found = json.loads((folder / "report.json").read_text())
    fmax = min(clock["achieved"] for clock in found["fmax"].values())
    used = {name: u for name, u in found["utilization"].items() if u["used"]}
    slowest = max((path for path in found.get("critical_paths", [])
                   if path["from"].startswith("posedge") and path["to"].startswith("posedge")),
                  key=lambda path: sum(hop["delay"] for hop in path["path"]), default=None)
    return {"critical_path": [] if slowest is None else _hops(slowest["path"]),
            "part": part.name, "seed": seed, "freq_mhz": freq_mhz, "fmax_mhz": round(fmax, 2),
            "utilisation": used}
