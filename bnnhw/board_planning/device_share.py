"""Computes the share of an FPGA for a network, without the host link and routing reserve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnhw.emit.board import link_cost
from bnnhw.families import Device
from bnnhw.families.flow import Share
from bnnhw.plan import Goal, Plan
from bnnhw.plan.resources import Planner, fits

__all__ = ["ALL", "fits_share", "remaining_device", "usual_share", "with_host_link"]

ALL: Share = (1.0, 1.0)


def usual_share(device: Device) -> Share:
    """Largest share of a part that a plan without a goal takes, its host link included."""
    if device.budget is None or device.family.flow is None:
        return ALL
    return device.family.flow.place_and_route.share(device.budget)


def remaining_device(plan: Plan, device: Device, share: Share) -> Device:
    """A device with a share of its resources, minus those of the plan's host link.

    The host link of a plan is larger where its words are wider.
    """
    if device.budget is None:
        return device
    link, budget = link_cost(plan, device), device.budget
    luts, blocks = share
    return replace(device, budget=replace(
        budget, luts=max(0, int(budget.luts * luts - link.lut)),
        ffs=max(0, int(budget.ffs * luts - link.lut)),
        blocks=max(0, int(budget.blocks * blocks) - link.block)))


def fits_share(plan: Plan, device: Device, share: Share) -> bool:
    """Whether a plan and its host link fit a share of a device."""
    return fits(plan, remaining_device(plan, device, share))


def with_host_link(make: Callable[[Device], Planner], device: Device, share: Share) -> Planner:
    """The planner for a device that also contains the host link.

    A plan that does not fit next to its host link is planned again for the remaining device, where
    some of its weights may go to LUTs instead of block RAM.

    Parameters
    ----------
    make : callable
        Gives the planner for a device.
    device : Device
    share : Share
        Share of the device that plan and host link may take together.
    """
    def planner(goal: Goal | int) -> Plan:
        plan = make(device)(goal)
        if device.budget is None:
            return plan
        remaining = remaining_device(plan, device, share)
        return plan if fits(plan, remaining) else make(remaining)(goal)

    return planner
