"""Board Colorlight i5 (v7.0) on its extension board, with a CMSIS-DAP probe and serial line.

Pins as the Colorlight-FPGA-Projects documentation (wuxx) and LiteX's board file have them.
"""

from __future__ import annotations

from bnnhw.families import Part, Pin
from bnnhw.platforms.base import Board, Programmer, Usb

__all__ = ["BOARDS"]

_LVCMOS = {"IO_TYPE": "LVCMOS33"}

BOARDS = (Board(
    name="colorlight_i5", title="Colorlight i5 v7.0 with extension board", device="ecp5-25",
    part=Part("LFE5U-25F-6BG381", ("--25k", "--package", "CABGA381", "--speed", "6"),
              pack=("--compress",)),
    oscillator_hz=25e6, pll="ecp5", clock=Pin("P3", _LVCMOS), rx=Pin("H18", _LVCMOS),
    tx=Pin("J17", _LVCMOS), link="USB serial of the DAPLink probe", baud=115_200,
    programmer=Programmer(
        "openFPGALoader", ("-b", "colorlight-i5", "-m", "{bitstream}"),
        # Its flash comes write-protected.
        ("-b", "colorlight-i5", "-f", "--unprotect-flash", "{bitstream}"),
        (Usb(0x0D28, 0x0204),)),
),)
