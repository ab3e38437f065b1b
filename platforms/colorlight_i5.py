"""The board Colorlight i5 (v7.0) with its extension board, which has probe and serial line.

The pins are those of the Colorlight-FPGA-Projects documentation (wuxx) and of LiteX's board file.
"""

from __future__ import annotations

from bnnhw.families import Part, Pin
from bnnhw.platforms.base import Board, BoardPins, Clocks, Programmer, SerialLine, Usb

__all__ = ["BOARDS"]

_LVCMOS = {"IO_TYPE": "LVCMOS33"}

BOARDS = (Board(
    name="colorlight_i5", title="Colorlight i5 v7.0 with extension board", device="ecp5-25",
    part=Part("LFE5U-25F-6BG381", ("--25k", "--package", "CABGA381", "--speed", "6"),
              pack=("--compress",)),
    clocks=Clocks(25e6, "ecp5"),
    pins=BoardPins(Pin("P3", _LVCMOS), rx=Pin("H18", _LVCMOS), tx=Pin("J17", _LVCMOS)),
    line=SerialLine("USB serial of the DAPLink probe", 115_200),
    programmer=Programmer(
        "openFPGALoader", ("-b", "colorlight-i5", "-m", "{bitstream}"),
        # The flash is write-protected on delivery.
        ("-b", "colorlight-i5", "-f", "--unprotect-flash", "{bitstream}"),
        (Usb(0x0D28, 0x0204),)),
),)
