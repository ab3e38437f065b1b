"""The board Lattice iCE40-HX8K-B-EVN: an FT2232H programs it and carries the serial line."""

from __future__ import annotations

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

from bnnhw.families import Part
from bnnhw.platforms.base import (
    Board,
    BoardPins,
    Clocks,
    Programmer,
    SerialLine,
    Usb,
    pins_of,
    uart_pins,
)

__all__ = ["BOARDS"]

_PLATFORM = ICE40HX8KBEVNPlatform()

BOARDS = (Board(
    name="hx8k_evn", title="Lattice iCE40-HX8K-B-EVN", device="hx8k",
    part=Part("iCE40HX8K-CT256", ("--hx8k", "--package", "ct256"), ("-device", "hx")),
    clocks=Clocks(12e6, "ice40-core"),
    pins=BoardPins(pins_of(_PLATFORM, "clk12"), *uart_pins(_PLATFORM)),
    line=SerialLine("USB serial, second port of the FT2232H", 1_000_000),
    programmer=Programmer(
        "iceprog", ("-S", "{bitstream}"), ("{bitstream}",), (Usb(0x0403, 0x6010),),
        volatile_note="volatile programming needs the two jumpers of J6 rotated; with the jumpers "
                      "in their delivered position, use `persistent=True`",
        persistent_note="the two jumpers of J6 must be in their delivered position"),
),)
