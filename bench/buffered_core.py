"""Maps the complete YodaNN core with buffers, and simulates a job; part of ``bench/cells.py``.

The core is the same for every network, so a job on a small image is enough: it loads the weights of
all units, fills the window, and sums over channels.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from networks import write_network

from bnnhw.asic import (
    CellLibrary,
    Netlist,
    analyse_timing,
    make_report,
    map_design,
    simulate_gates,
    sta_installed,
)
from bnnhw.emit.design import Design
from bnnhw.emit.generate import design_of, plan_network
from bnnhw.families import get_device
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal

__all__ = ["bench_buffered_core", "core_of", "processor_seconds"]

SIDE, CHANNELS, OUTPUTS = 4, 2, 32
MARGIN = 1.05
"""Simulated period as a multiple of the shortest one, as margin for the input and output times."""


def core_of(side: int, channels: int, outputs: int, kernel: int = 7,
            core: str | None = None) -> Design:
    """A design of one convolution for a core, by default the default core."""
    path = write_network(
        f"layer_{side}_{channels}_{outputs}_{kernel}",
        f"{{shape: [{side}, {side}, {channels}], type: int, range: [-2048, 2047]}}",
        [f"{{conv: {outputs}, kernel: {kernel}, pad: same, pad_value: zero, sums: true}}"])
    network = load_network(path)
    _, plan = plan_network(network, "yodann", get_device("cells"), Goal(), core=core)
    return design_of(network, plan)


def bench_buffered_core(library: CellLibrary) -> list[dict[str, Any]]:
    """Map, analyse and simulate the core; prints its progress, as each part takes minutes."""
    design = core_of(SIDE, CHANNELS, OUTPUTS)
    mapped = _timed("mapped", lambda: map_design(design, library))
    report = make_report(design, mapped)
    netlist = _timed("longest path", lambda: _with_longest(Netlist.of(mapped)))
    rows = [_row("cells of the complete core, with buffers", len(netlist.instances)),
            _row("complete core with buffers, kGE", round(report.kilo_gates, 1)),
            _row("outputs that exceed their maximum load", netlist.overloaded)]
    periods: list[float | None] = [None]
    if sta_installed():
        timing = _timed("timing", lambda: analyse_timing(mapped, netlist, _tried))
        print(timing.sentence(), flush=True)
        rows += [_row(what, round(seconds * 1e9, 3)) for what, seconds in (
            ("shortest period, ns", timing.period),
            ("worst hold slack before a clock tree, ns", timing.hold),
            ("worst hold slack of a clock gate's enable, ns", timing.gate_hold))
            if seconds is not None]
        periods.append(MARGIN * timing.period)
    graph = design.graph
    x = np.random.default_rng(1).integers(-2048, 2048, (1, *graph.input.shape))
    for period in periods:
        run = _timed("simulated", lambda p=period: simulate_gates(
            design, mapped, netlist, x, period=p))
        print(run.sentence(), flush=True)
        rows.append(_row(f"samples that differ from golden at {run.period * 1e9:.2f} ns "
                         f"({run.latency} cycles)", f"{run.mismatches} of {run.frames}"))
    return rows


def _with_longest(netlist: Netlist) -> Netlist:
    assert netlist.longest > 0
    return netlist


def _row(what: str, ours: Any) -> dict[str, Any]:
    return {"what": what, "ours": ours, "plain": "", "goal": "", "stretch goal": ""}


def _tried(period: float, late: float) -> None:
    print(f"  {period * 1e9:.3f} ns: {late * 1e9:.1f} ns late in all", flush=True)


def _timed(what: str, step: Callable[[], Any]) -> Any:
    begin, used = time.monotonic(), processor_seconds()
    result = step()
    print(f"{what}: {time.monotonic() - begin:.0f} s, of them {processor_seconds() - used:.0f} s "
          "on the processor", flush=True)
    return result


def processor_seconds() -> float:
    """Seconds that this process and those that it started have used."""
    return sum(getattr(resource.getrusage(who), part) for who in (
        resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN) for part in ("ru_utime", "ru_stime"))
