"""Estimates the resources of a plan, and finds the fastest plan that fits a part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from bnnhw.errors import FitError, PlanError
from bnnhw.families import Budget, Device
from bnnhw.families.costs import Cost
from bnnhw.plan.goal import Goal
from bnnhw.plan.goal_check import settle
from bnnhw.plan.model import Plan

__all__ = ["Planner", "Resources", "describe_excess", "fastest_fit", "fits", "resources"]

HALVINGS = 12
"""Maximum number of halvings of the target; beyond it every ROM is as wide as a block RAM."""
WORSE = 2.0
"""The search for faster designs stops where the fit is worse by this factor."""
STEPS, ROUGH_STEPS = 48, 8
"""Targets per octave that are tried below the result of bisection; fewer for large networks."""

Planner = Callable[[Goal | int], Plan]
"""Plans for a goal or a target in cycles per frame; raises PlanError where no fold meets it."""


@dataclass(frozen=True)
class Resources:
    """Estimate of a plan on a device.

    Attributes
    ----------
    device : Device
    units : tuple of (str, Cost)
    total : Cost
    error : float
        90th percentile of the relative error of the LUT estimate over complete designs.
    unplaced_rom_bits : int
        Bits of large ROMs for which neither block RAM nor SPRAM is left, so that they take LUTs.
    """

    device: Device
    units: tuple[tuple[str, Cost], ...]
    total: Cost
    error: float
    unplaced_rom_bits: int = 0

    @property
    def budget(self) -> Budget | None:
        return self.device.budget

    def rows(self) -> list[tuple[str, int, int | None]]:
        """Return the name of each resource, how much is used, and how much the part has."""
        total, part = self.total, self.budget
        there = (None, None, None) if part is None else (part.luts, part.ffs, part.blocks)
        used = (round(total.lut), round(total.ff), total.block)
        rows: list[tuple[str, int, int | None]] = list(
            zip(("LUT4", "flip-flops", "block RAM"), used, there, strict=True))
        if part is not None and (part.spram or total.spram):
            rows.append(("SPRAM", total.spram, part.spram))
        return rows

    def excess(self) -> dict[str, int]:
        """Return by how much the plan exceeds the part, for each resource that is too small."""
        return {name: used - there for name, used, there in self.rows()
                if there is not None and used > there}

    def to_json(self) -> dict[str, object]:
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
    """Estimate a plan; None where the family has no cost model."""
    if device.family.costs is None:
        return None
    units = [(unit.name, unit.params.cost(device)) for unit in plan.units]
    unplaced = sum(m.depth * m.width for unit in plan.units for m in unit.memories()
                   if not m.written and m.style == "lut" and m.depth >= device.memory.rom_min_depth)
    return Resources(device, tuple(units), sum((c for _, c in units), Cost(0, 0, 0)),
                     device.family.costs.lut_error,
                     unplaced)


def fits(plan: Plan, device: Device) -> bool:
    """Whether the estimate stays within the part; True where the family has no cost model."""
    needed = resources(plan, device)
    return needed is None or not needed.excess()


def fastest_fit(planner: Planner, device: Device, slowest: int,
                room: Callable[[Plan], Device] | None = None) -> Plan:
    """Find the plan with the minimum of cycles per frame that fits the part and meets its target.

    Planning for ``target_cycles`` of the returned plan gives the same plan. The search bisects,
    and then tries single targets below the result: memories have fixed sizes, so fitting is
    not monotonic, and a faster design can fit where a slower one does not.

    Parameters
    ----------
    planner : Planner
    device : Device
        A part.
    slowest : int
        Cycles per frame of the smallest design, in which every layer is folded to one lane.
    room : callable or None
        Device budget left after the host link; None means the entire device.

    Raises
    ------
    FitError
        No design fits, not even the smallest.
    """
    device.family.need_costs()

    def needs(plan: Plan) -> Resources:
        needed = resources(plan, room(plan) if room else device)
        assert needed is not None  # the family has a cost model
        return needed

    best, low = _fitting(planner, needs, device, slowest)
    high = best.ii
    # A plan of a large network takes seconds, so the search stops within two percent.
    large = sum(unit.o.words for unit in best.units) > 1_000_000
    near = 50 if large else 500
    while low < high and high - low > high // near:
        # Cycles span decades, so the search bisects their logarithm.
        middle = min(max(int((low * high) ** 0.5), low), high - 1)
        try:
            plan = planner(middle)
        except PlanError:
            low = middle + 1
            continue
        if needs(plan).excess():
            low = middle + 1
        else:
            best, high = plan, min(middle, plan.ii)
    best = _below(planner, needs, best, ROUGH_STEPS if large else STEPS)
    tight = settle(planner, best.ii, lambda plan: not needs(plan).excess())
    if tight is not None and (best.ii > best.target_cycles
                              or tight.target_cycles <= best.target_cycles):
        return tight
    return best


def _below(planner: Planner, needs: Callable[[Plan], Resources], best: Plan, steps: int) -> Plan:
    """Try fewer cycles, including powers of two, until a design is far too large."""
    cycles = best.ii
    while cycles > 1:
        step = math.ceil(steps * math.log2(cycles)) - 1
        cycles = min(int(2 ** (step / steps)), cycles - 1)
        try:
            plan = planner(cycles)
        except PlanError:
            break
        needed = needs(plan)
        if _utilisation(needed) > WORSE:
            break
        if not needed.excess() and plan.ii < best.ii:
            best = plan
        cycles = min(cycles, plan.ii)  # every target in between gives the same plan
    return best


def _fitting(planner: Planner, needs: Callable[[Plan], Resources], device: Device,
             slowest: int) -> tuple[Plan, int]:
    """Find a design that fits, by halving the cycles of the smallest design.

    Narrow ROMs waste memories, so a somewhat faster design can fit where the smallest does not.
    On parts with SPRAM, whose wide words waste most, the halving continues to the fastest design
    that fits. Returns the plan, and the cycles per frame above which a search can continue.

    Raises
    ------
    FitError
        No design fits; the error describes the one that exceeds the part least.
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
        if least is None or _utilisation(needed) < _utilisation(least):
            least = needed
        # Fewer cycles need more lanes; the search stops where this makes the fit much worse.
        elif _utilisation(needed) > max(1.0, WORSE * _utilisation(least)):
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


def _utilisation(needed: Resources) -> float:
    """Return the utilisation of the scarcest resource."""
    return max(used / max(there, 1) for _, used, there in needed.rows() if there is not None)


def describe_excess(needed: Resources) -> str:
    """Describe which resources are exceeded, and by how much."""
    rows = {name: (used, there) for name, used, there in needed.rows()}
    text = "; ".join(f"{name} {rows[name][0]:,} of {rows[name][1]:,} ({over:,} too many)"
                     for name, over in needed.excess().items())
    if "LUT4" in needed.excess() and needed.unplaced_rom_bits:
        neither = " and no SPRAM" if needed.budget and needed.budget.spram else ""
        text += f"; {needed.unplaced_rom_bits / 1024:,.0f} kbit of ROMs found no block RAM{neither}"
    return text
