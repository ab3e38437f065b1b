"""Registers device families, and looks up families, devices and targets by name."""

from __future__ import annotations

from bnnhw.errors import PlanError
from bnnhw.families.base import Device, Family
from bnnhw.logic.target import Target

__all__ = ["DEVICES", "FAMILIES", "TARGETS", "get_device", "get_family", "get_target", "register"]

FAMILIES: dict[str, Family] = {}
DEVICES: dict[str, Device] = {}
TARGETS: dict[str, Target] = {}
"""Bit-heap targets by name; families without a separate target share ``generic``."""


def register(family: Family, *devices: Device) -> Family:
    """Add a family and its devices; everything else in bnnhw finds them here.

    Parameters
    ----------
    family : Family
    devices : Device
        Its parts. The device with the family's name stands for the family without a size limit; it
        is added where it is not among them.

    Raises
    ------
    ValueError
        A name is taken, or a device belongs to another family.
    """
    if not any(device.name == family.name for device in devices):
        devices = (Device(family.name, family.title, family), *devices)
    for device in devices:
        if device.name in DEVICES or device.family is not family:
            raise ValueError(f"device '{device.name}' is registered already, or its family is not "
                             f"'{family.name}'")
    if family.name in FAMILIES:
        raise ValueError(f"family '{family.name}' is registered already")
    FAMILIES[family.name] = family
    DEVICES.update({device.name: device for device in devices})
    TARGETS.setdefault(family.target.name, family.target)
    return family


def get_device(name: str) -> Device:
    """Look up a device: a family, or one of its parts."""
    if name not in DEVICES:
        raise PlanError(f"unknown device '{name}'", hint=f"use one of {', '.join(DEVICES)}")
    return DEVICES[name]


def get_family(name: str) -> Family:
    """Look up a family."""
    if name not in FAMILIES:
        raise PlanError(f"unknown device family '{name}'",
                        hint=f"use one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def get_target(name: str) -> Target:
    """Look up a bit-heap target."""
    if name not in TARGETS:
        raise PlanError(f"unknown bit-heap target '{name}'",
                        hint=f"use one of {', '.join(TARGETS)}")
    return TARGETS[name]
