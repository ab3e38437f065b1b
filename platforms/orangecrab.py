"""The board OrangeCrab r0.2: ECP5 with a USB bootloader; the serial line needs two header pins."""

from __future__ import annotations

from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_85FPlatform

from bnnhw.families import Part, Pin
from bnnhw.platforms.base import Board, BoardPins, Clocks, Programmer, SerialLine, Usb, pins_of

__all__ = ["BOARDS"]

_PLATFORM = OrangeCrabR0_2_85FPlatform()
_LINE = {"IO_TYPE": "LVCMOS33", "PULLMODE": "UP"}

BOARDS = (Board(
    name="orangecrab_85f", title="OrangeCrab r0.2 85F", device="ecp5-85",
    part=Part("LFE5U-85F-8MG285", ("--85k", "--package", "CSFBGA285", "--speed", "8"),
              pack=("--compress",)),
    clocks=Clocks(48e6, "ecp5", default_mhz=60, fastest_mhz=100),  # speed grade 8
    pins=BoardPins(pins_of(_PLATFORM, "clk"), rx=Pin("N17", _LINE), tx=Pin("M18", _LINE)),
    line=SerialLine(
        "pins 0 (to the board) and 1 (from it) of the header, 3.3 V: any USB serial adapter",
        1_000_000),
    programmer=Programmer(
        # Alternate setting 0 starts after the bootloader; bnnhw never names another setting.
        "dfu-util", None, ("-d", "1209:5af0", "-a", "0", "-D", "{bitstream}"),
        (Usb(0x1209, 0x5AF0),), keeps="the bootloader: alternate setting 0 starts after it",
        persistent_note="hold button 0 while plugging in, to start the bootloader"),
),)
