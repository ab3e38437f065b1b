"""Places and routes a core without a board, for its fmax and utilisation on a part."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from bnnhw.emit.design import Design
from bnnhw.errors import PlanError, TimingError
from bnnhw.families import DEVICES, Device, Part
from bnnhw.json_types import Json
from bnnhw.tools.nextpnr import (
    Hop,
    Routed,
    nextpnr_arguments,
    run_nextpnr,
    slowest_path,
    synthesise_flat,
)
from bnnhw.tools.tools import Tools

__all__ = ["check_clock", "part_of", "pin_saver", "place_and_route"]

SHIFTED = 64
"""Bits of a shift register."""


def pin_saver(design: Design) -> str:
    """Verilog of a top that feeds a wide core from one pin and reads it through another.

    Inputs come from a shift register and outputs go into one, so that every path in the core
    begins and ends at a register and nothing is optimised away. Its flip-flops are part of the
    utilisation. The shift register of the inputs is split into rows of ``SHIFTED`` bits, as Yosys
    follows each row by recursion.
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


def _cells(path: list[Hop]) -> list[str]:
    """Names of the cells on a path, each once, which begin with the unit."""
    names: list[str] = []
    for hop in path:
        name = str(hop["to"]["cell"]).removeprefix("core.")
        if not names or names[-1] != name:
            names.append(name)
    return names


def part_of(device: Device, name: str | None = None) -> Part:
    """The part that place and route of a core targets.

    Parameters
    ----------
    device : Device
    name : str or None
        A further part of its family, a key of ``Flow.parts``; None for the part of the device.

    Raises
    ------
    PlanError
        The family has no place-and-route flow, the device no part, or the name is unknown.
    """
    flow = device.family.need_flow()
    if name is None:
        if device.part is None:
            known = [d.name for d in DEVICES.values() if d.part is not None]
            raise PlanError(f"device '{device.name}' has no part for place and route of a core",
                            hint=f"use one of {', '.join(known)}, or leave `pnr=` out")
        return device.part
    if name not in flow.parts:
        raise PlanError(f"unknown part '{name}' of {device.name}",
                        hint=f"use one of {', '.join(flow.parts)}" if flow.parts
                        else "leave `part=` out")
    return flow.parts[name]


def place_and_route(design: Design, device: Device, freq_mhz: float, seed: int,
                    part_name: str | None = None,
                    report: Callable[[float], None] = lambda fraction: None) -> dict[str, object]:
    """Synthesise flat, place and route, and read fmax and utilisation.

    Parameters
    ----------
    design : Design
    device : Device
    freq_mhz : float
        Target clock in MHz.
    seed : int
        Seed of the placer.
    part_name : str or None
        See ``part_of``.
    report : callable
        Receives the fraction of placing and routing that is done.

    Returns
    -------
    dict
        JSON values: ``part``, ``seed``, ``freq_mhz``, ``fmax_mhz``, ``utilisation`` and the cells
        on the ``critical_path``.

    Raises
    ------
    PlanError
        The device has no open place and route.
    FitError
        The design is larger than the part, or the router makes no progress.
    ToolError
        A tool is missing or failed.
    """
    part, flow = part_of(device, part_name), device.family.need_flow().place_and_route
    if freq_mhz <= 0:
        raise PlanError("`pnr_mhz=` must be positive")
    command = f"{device.family.need_synthesis().with_pads} -top pins"
    tools = Tools()
    with tempfile.TemporaryDirectory(prefix="bnnhw-pnr-") as scratch:
        folder = Path(scratch)
        (folder / "logs").mkdir()
        (folder / "core.v").write_text(design.verilog + pin_saver(design))
        synthesise_flat(folder, "core.v", "core.json", command, flow, tools, lambda fraction: None)
        arguments = nextpnr_arguments(part, flow.unconstrained, freq_mhz, seed,
                                      flow.options_for(folder / "core.json", core=True))
        run_nextpnr(folder, flow, part, "core.json", arguments, tools, report)
        routed = Routed.read(seed, folder / "placed.json")
    used = {name: u for name, u in routed.report["utilization"].items() if u["used"]}
    return {"critical_path": _cells(slowest_path(routed.report)), "part": part.name, "seed": seed,
            "freq_mhz": freq_mhz, "fmax_mhz": round(routed.fmax_mhz, 2), "utilisation": used}


def check_clock(result: Json) -> None:
    """Check that place and route reached its target clock.

    Parameters
    ----------
    result : dict
        From ``place_and_route``.

    Raises
    ------
    TimingError
        fmax is below the target.
    """
    if result["fmax_mhz"] < result["freq_mhz"]:
        path = result["critical_path"]
        raise TimingError(f"timing is missed: {result['fmax_mhz']:g} MHz instead of "
                          f"{result['freq_mhz']:g} MHz on {result['part']}"
                          + (f"; the slowest path ends at '{path[-1]}'" if path else ""),
                          hint="use a slower clock, or try another `seed=`")
