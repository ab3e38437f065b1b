"""Toy device family in one file: LUT4s and flip-flops of Yosys' generic ``synth``.

It is written as ``bnnhw/families/toy.py`` would be, to prove that a family needs no other file.
"""

from __future__ import annotations

import sys

from bnnhw.families import Budget, Device, Family, Memory, Synthesis, register
from bnnhw.families.cost_model import CostModel
from bnnhw.families.generic import Generic
from bnnhw.logic.cells import Chain
from bnnhw.logic.pipeline import Delays

__all__ = ["TOY", "register_toy"]


class ToyTarget(Generic):
    """Plain Verilog like the generic target; a slot of a carry chain takes two LUTs."""

    name = "toy"
    delays = Delays(lut_ns=1.0, chain_ns=1.0, slot_ns=0.5, register_ns=0.5)

    def chain_cost(self, chain: Chain, used: set[int]) -> int:
        return 2 * len(chain.slots)


_COSTS = CostModel(
    {kind: {"lut": {"lane": 5.0, "acc": 2.0, "ram": 64.0, "rom": 1.0, "unit": 20.0},
            "ff": {"acc": 1.0, "ram": 64.0, "unit": 10.0}}
     for kind in ("input", "converter", "mvtu", "logic", "argmax", "output")}, lut_error=0.5)

TOY = Family("toy", "toy family: LUT4 and flip-flops", ToyTarget(),
             Memory(rom_min_depth=sys.maxsize),  # every ROM is logic
             synthesis=Synthesis("synth -lut 4", {"$lut": 1}, ("$_*DFF*",), ()), costs=_COSTS)


def register_toy(family: Family) -> None:
    """Register a family with one part; a real file calls ``register`` when it is imported."""
    register(family, Device(f"{family.name}-8k", "8,000 LUT4", family, Budget(8000, 8000, 0)))
