"""How a device counts: the family of its cells, and their rough delays."""

from __future__ import annotations

from bnnhw.device import Device
from bnnhw.logic import TARGETS
from bnnhw.logic.pipeline import Delays

__all__ = ["DELAYS", "counting_family"]

DELAYS = {
    "ecp5": Delays(lut_ns=1.3, chain_ns=3.0, slot_ns=0.06, register_ns=0.8, max_fanout=16,
                  max_chain_slots=8),
    "ice40": Delays(lut_ns=1.4, chain_ns=2.0, slot_ns=0.13, register_ns=1.2),
    "xc7": Delays(lut_ns=0.9, chain_ns=1.2, slot_ns=0.04, register_ns=0.6),
    "generic": Delays(lut_ns=1.4, chain_ns=2.0, slot_ns=0.13, register_ns=1.2),
    "cells": Delays(lut_ns=0.25, chain_ns=0.2, slot_ns=0.15, register_ns=0.4),
}
"""By family: LUT and routing, a carry chain and its slots, clock to output and setup.

Those of ``ecp5`` know that nextpnr follows carries through the gaps of a sequence, so that one of
up to 8 slots, the slices of a tile, is a stage at 150 MHz. Routes are most of it.

Those of ``cells`` are for osu018 (0.18 um, typical): OpenSTA gives a full adder 0.27 ns and an
exclusive nor 0.20 ns before layout, and trees of 7 to 1,000 bits, where the carries of one chain
run beside those of the next, 0.16 ns a chain and 0.10 ns a slot; the rest is for wires. Another
library scales with its full adder.
"""


def counting_family(device: Device) -> str:
    """Cells that a device counts with; ``generic`` where it has none of its own."""
    return device.family if device.family in TARGETS else "generic"
