"""Device families: one file or folder per family, each with one ``register`` call.

To add a family, write ``families/NAME.py``, which registers a ``Family`` and its devices, and add
NAME to ``_FILES``. Lists of devices follow that order.
"""

from importlib import import_module

from bnnhw.families.base import Device, Family, Memory, Synthesis
from bnnhw.families.parts import SPRAM_SHAPE, Budget, Part, Pin, sprams
from bnnhw.families.registry import (
    DEVICES,
    FAMILIES,
    TARGETS,
    get_device,
    get_family,
    get_target,
    register,
)

__all__ = ["DEVICES", "FAMILIES", "SPRAM_SHAPE", "TARGETS", "Budget", "Device", "Family", "Memory",
           "Part", "Pin", "Synthesis", "get_device", "get_family", "get_target", "register",
           "sprams"]

_FILES = ("generic", "cells", "ecp5", "gowin", "ice40", "xc7")

for _name in _FILES:
    import_module(f"bnnhw.families.{_name}")
