"""What of a part is left for a network on a board: beside the host link, with space for wires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnhw.emit.board import link_cost
from bnnhw.families import Device
from bnnhw.families.flow import Share
from bnnhw.plan import Goal, Plan
from bnnhw.plan.resources import Planner, fits

__all__ = ["ALL", "beside_link", "room_for", "usual_share"]

ALL: Share = (1.0, 1.0)


def usual_share(device: Device) -> Share:
    """What a plan takes of a part at most where no goal is given."""
    if device.budget is None or device.family.flow is None:
        return ALL
    return device.family.flow.place_and_route.share(device.budget)


def room_for(plan: Plan, device: Device, share: Share) -> Device:
    """A device with a share of the part, without what the host link of a plan takes."""
    if device.budget is None:
        return device
    link, budget = link_cost(plan, device), device.budget
    luts, blocks = share
    return replace(device, budget=replace(
        budget, luts=max(0, int(budget.luts * luts - link.lut)),
        ffs=max(0, int(budget.ffs * luts - link.lut)),
        blocks=max(0, int(budget.blocks * blocks) - link.block)))


def beside_link(make: Callable[[Device], Planner], device: Device, share: Share) -> Planner:
    """The planner of a board: what it plans leaves room for the host link, where that helps.

    Parameters
    ----------
    make : callable
        Gives the planner for a device.
    device : Device
    share : Share
        What of the part a plan may take, together with the link.
    """
    def planner(goal: Goal | int) -> Plan:
        plan = make(device)(goal)
        if device.budget is None:
            return plan
        room = room_for(plan, device, share)
        # Weights can lie elsewhere than in a part without the link.
        return plan if fits(plan, room) else make(room)(goal)

    return planner
