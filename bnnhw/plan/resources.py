"""What a plan takes of a part, what is too much, and the fastest plan that fits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bnnhw.errors import FitError, PlanError
from bnnhw.families import Budget, Device
from bnnhw.families.costs import Cost
from bnnhw.plan.goal import Goal
from bnnhw.plan.goal_check import settle
from bnnhw.plan.model import Plan

__all__ = ["Planner", "Resources", "describe_excess", "fastest_fit", "fits", "resources"]

HALVINGS = 12
"""Times that the cycles are halved until it is given up: by then tables are as wide as memories."""
WORSE = 2.0
"""How much worse a faster design may fit until no still faster one is tried."""
STEPS, ROUGH_STEPS = 48, 8
"""Numbers of cycles an octave that are tried below what bisection finds; of large networks few."""

Planner = Callable[[Goal | int], Plan]
"""Plans for a goal or a number of cycles a frame; raises PlanError where a layer cannot be that
fast."""


@dataclass(frozen=True)
class Resources:
    """Estimate of a plan on a device.

    Attributes
    ----------
    device : Device
    units : tuple of (str, Cost)
    total : Cost
    error : float
        90th percentile of the relative error of the LUT estimate over whole designs.
    homeless_bits : int
        Bits of large tables that found no block RAM, nor SPRAM where there is some, and take lookup
        tables instead.
    """

    device: Device
    units: tuple[tuple[str, Cost], ...]
    total: Cost
    error: float
    homeless_bits: int = 0

    @property
    def budget(self) -> Budget | None:
        return self.device.budget

    def rows(self) -> list[tuple[str, int, int | None]]:
        """Resource, what is used, what there is."""
        total, part = self.total, self.budget
        there = (None, None, None) if part is None else (part.luts, part.ffs, part.blocks)
        used = (round(total.lut), round(total.ff), total.block)
        rows: list[tuple[str, int, int | None]] = list(
            zip(("LUT4", "flip-flops", "block RAM"), used, there, strict=True))
        if part is not None and (part.spram or total.spram):
            rows.append(("SPRAM", total.spram, part.spram))
        return rows

    def excess(self) -> dict[str, int]:
        """What is used beyond what there is."""
        return {name: used - there for name, used, there in self.rows()
                if there is not None and used > there}

    def to_json(self) -> dict[str, Any]:
        return {"device": self.device.name, "lut_error": self.error,
                "total": {"lut": round(self.total.lut), "ff": round(self.total.ff),
                          "block_ram": self.total.block,
                          "block_ram_use": round(self.total.block_use(self.device), 4)},
                "available": None if self.budget is None else {
                    "lut": self.budget.luts, "ff": self.budget.ffs,
                    "block_ram": self.budget.blocks, "spram": self.budget.spram,
                    "spram_used": self.total.spram},
                "excess": self.excess(),
                "units": {name: {"lut": round(c.lut), "ff": round(c.ff), "block_ram": c.block,
                                 "block_ram_use": round(c.block_use(self.device), 4)}
                          for name, c in self.units}}


def resources(plan: Plan, device: Device) -> Resources | None:
    """Estimate a plan; None for a family that nothing was measured for."""
    if device.family.costs is None:
        return None
    units = [(unit.name, unit.params.cost(device)) for unit in plan.units]
    homeless = sum(m.depth * m.width for unit in plan.units for m in unit.memories()
                   if not m.written and m.style == "lut" and m.depth >= device.memory.rom_min_depth)
    return Resources(device, tuple(units), sum((c for _, c in units), Cost(0, 0, 0)),
                     device.family.costs.lut_error,
                     homeless)


def fits(plan: Plan, device: Device) -> bool:
    """Whether the estimate stays within the part; True where the family has no cost model."""
    needed = resources(plan, device)
    return needed is None or not needed.excess()


def fastest_fit(planner: Planner, device: Device, slowest: int,
                room: Callable[[Plan], Device] | None = None) -> Plan:
    """Find the fewest cycles a frame with which the design fits the part, and that are reached.

    Whoever asks for ``target`` cycles of the plan gets the same plan. By bisection, and then step
    by step below: memories come in sizes, so that a design can fit
    where one of more cycles does not.

    Parameters
    ----------
    planner : Planner
    device : Device
        A part.
    slowest : int
        Cycles a frame of the smallest design: everything folded to one lane.
    room : callable or None
        What of the part is there for a plan, beside what else comes with it; None for all.

    Raises
    ------
    FitError
        Not even the smallest design fits.
    """
    device.family.need_costs()

    def needs(plan: Plan) -> Resources | None:
        return resources(plan, room(plan) if room else device)

    best, low = _fitting(planner, needs, device, slowest)
    high = best.ii
    # Large networks take seconds a plan; there two percent is near enough.
    large = sum(unit.o.words for unit in best.units) > 1_000_000
    near = 50 if large else 500
    while low < high and high - low > high // near:
        # Cycles span decades, so that the middle is that of their logarithms.
        middle = min(max(int((low * high) ** 0.5), low), high - 1)
        try:
            plan = planner(middle)
        except PlanError:
            low = middle + 1
            continue
        if (needed := needs(plan)) is not None and not needed.excess():
            best, high = plan, min(middle, plan.ii)
        else:
            low = middle + 1
    best = _below(planner, needs, best, ROUGH_STEPS if large else STEPS)

    def fitting(plan: Plan) -> bool:
        return (needed := needs(plan)) is not None and not needed.excess()

    tight = settle(planner, best.ii, fitting)
    if tight is not None and (best.ii > best.target_cycles
                              or tight.target_cycles <= best.target_cycles):
        return tight
    return best


def _below(planner: Planner, needs: Callable[[Plan], Resources | None], best: Plan,
           steps: int) -> Plan:
    """Try fewer cycles, powers of two among them, until a design is far too large."""
    cycles = best.ii
    while cycles > 1:
        step = math.ceil(steps * math.log2(cycles)) - 1
        cycles = min(int(2 ** (step / steps)), cycles - 1)
        try:
            plan = planner(cycles)
        except PlanError:
            break
        needed = needs(plan)
        if needed is None or _beyond(needed) > WORSE:
            break
        if not needed.excess() and plan.ii < best.ii:
            best = plan
        cycles = min(cycles, plan.ii)  # all between would be the same plan
    return best


def _fitting(planner: Planner, needs: Callable[[Plan], Resources | None], device: Device,
             slowest: int) -> tuple[Plan, int]:
    """The smallest design; or, since narrow tables waste memories, a somewhat faster one that fits.

    Where there is SPRAM, which wastes most, it goes on to the fastest one of half the cycles each.
    Returned with the cycles a frame from which on faster ones can be sought.

    Raises
    ------
    FitError
        None fits; the error tells what the one lacks that lacks least.
    """
    best, low, cycles = None, 1, slowest
    least: Resources | None = None
    further = device.budget is not None and device.budget.spram > 0
    for halved in itertools.count():
        try:
            plan = planner(cycles)
        except PlanError:
            if least is None:
                raise
            break
        needed = needs(plan)
        assert needed is not None
        if least is None or _beyond(needed) < _beyond(least):
            least = needed
        # Fewer cycles take more lanes: where that made it much worse, it ends.
        elif _beyond(needed) > max(1.0, WORSE * _beyond(least)):
            break
        if not needed.excess():
            best, low = plan, max(1, plan.ii // 2) if further else 1
            if not further:
                break
        if plan.ii == 1 or plan.ii > cycles or (best is None and halved == HALVINGS):
            break
        cycles = plan.ii // 2
    assert least is not None
    if best is None:
        raise FitError(f"does not fit {device.name} however it is folded: "
                       + describe_excess(least), hint="use a larger part or a smaller network")
    return best, low


def _beyond(needed: Resources) -> float:
    """How many times what there is of the scarcest resource is used."""
    return max(used / max(there, 1) for _, used, there in needed.rows() if there is not None)


def describe_excess(needed: Resources) -> str:
    """Which resource is short, and by how much."""
    rows = {name: (used, there) for name, used, there in needed.rows()}
    text = "; ".join(f"{name} {rows[name][0]:,} of {rows[name][1]:,} ({over:,} too many)"
                     for name, over in needed.excess().items())
    if "LUT4" in needed.excess() and needed.homeless_bits:
        neither = " and no SPRAM" if needed.budget and needed.budget.spram else ""
        text += f"; tables of {needed.homeless_bits / 1024:,.0f} kbit found no block RAM{neither}"
    return text
