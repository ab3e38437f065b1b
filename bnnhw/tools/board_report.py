"""Makes ``report.json`` of a build: clock, timing, and the resources of each layer by stage."""

from __future__ import annotations

from bnnhw.emit.board import BOARD_TOP, BoardDesign
from bnnhw.families import Device, get_device
from bnnhw.families.yosys_json import Cell
from bnnhw.plan.resources import resources
from bnnhw.platforms.base import Board
from bnnhw.tools.attribution import cells_by_unit, owner_of_name, read_netlist
from bnnhw.tools.board_build import Built
from bnnhw.tools.nextpnr import RoutingReport, slowest_path

__all__ = ["board_report"]

SCHEMA = "bnnhw.report/2"
ROUTED_TOP = "top"
"""Name that nextpnr gives to every top module."""


def board_report(design: BoardDesign, board: Board, built: Built,
                 seconds: dict[str, float]) -> dict[str, object]:
    """Describe a build by the values of ``report.json``.

    Parameters
    ----------
    design : BoardDesign
    board : Board
    built : Built
    seconds : dict of str to float
        Duration of each stage.
    """
    plan = design.design.plan
    device = get_device(board.device)
    best = built.best
    clock = design.clock_hz / 1e6
    reached = min(clock, best.fmax_mhz)
    return {
        "schema": SCHEMA,
        "network": plan.name, "arch": plan.arch, "board": board.name, "part": board.part.name,
        "digest": design.identity.digest.hex(),
        "clock_mhz": clock, "fmax_mhz": round(best.fmax_mhz, 2),
        "timing_met": best.fmax_mhz >= clock,
        "cycles_per_frame": plan.ii, "latency_cycles": plan.latency,
        "frames_per_second": design.clock_hz / plan.ii,
        "frames_per_second_at_fmax": best.fmax_mhz * 1e6 / plan.ii,
        "latency_us": round(plan.latency / reached, 3),
        "baud": design.baud, "seed": best.seed,
        "seeds": {str(run.seed): round(run.fmax_mhz, 2) for run in built.seeds},
        "utilisation": {name: use for name, use in best.report["utilization"].items()
                        if use["used"]},
        "layers": _layers(design, built, device),
        "critical_path": _critical_path(best.report, [unit.name for unit in plan.units]),
        "bitstream": built.bitstream.name, "tools": built.tools, "cached": built.cached,
        "seconds": {stage: round(time, 2) for stage, time in seconds.items()},
    }


def _layers(design: BoardDesign, built: Built, device: Device) -> list[dict[str, object]]:
    """Rows for each unit, then the host link, then everything else."""
    plan = design.design.plan
    names = [unit.name for unit in plan.units]
    needed = resources(plan, device)
    estimated = dict(needed.units) if needed else {}

    synthesis = device.family.need_synthesis()

    def mapped(cell: Cell) -> tuple[int, int, int]:
        return synthesis.count({cell["type"]: 1})

    synthesised = cells_by_unit(read_netlist(built.synthesised, BOARD_TOP), names, mapped)
    routed = cells_by_unit(read_netlist(built.routed, ROUTED_TOP), names,
                           device.family.need_flow().place_and_route.count)
    kinds = {unit.name: unit for unit in plan.units}
    rows = []
    for name in [*names, *sorted((set(synthesised) | set(routed)) - set(names))]:
        unit, cost = kinds.get(name), estimated.get(name)
        rows.append({
            "unit": name, "kind": unit.kind if unit else "",
            "layer": unit.layer if unit else "", "cycles": unit.cycles if unit else None,
            "estimate": None if cost is None else {
                "lut": round(cost.lut), "ff": round(cost.ff), "block_ram": cost.block},
            "synthesised": _triple(synthesised.get(name)), "placed": _triple(routed.get(name)),
        })
    return rows


def _triple(counts: tuple[int, int, int] | None) -> dict[str, int]:
    lut, ff, block = counts or (0, 0, 0)
    return {"lut": lut, "ff": ff, "block_ram": block}


def _critical_path(report: RoutingReport, units: list[str]) -> dict[str, object] | None:
    """The slowest path between registers, with its delay in each unit in ns."""
    path = slowest_path(report)
    if not path:
        return None
    times: dict[str, float] = {}
    cells: list[str] = []
    for hop in path:
        cell = str(hop["to"]["cell"])
        owner = owner_of_name(cell, units) or owner_of_name(str(hop.get("net", "")), units) or ""
        times[owner or "(other)"] = times.get(owner or "(other)", 0.0) + hop["delay"]
        if not cells or cells[-1] != cell:
            cells.append(cell)
    return {"ns": round(sum(times.values()), 2),
            "units": {name: round(time, 2) for name, time in
                      sorted(times.items(), key=lambda item: -item[1])},
            "from": cells[0], "to": cells[-1], "cells": len(cells)}
