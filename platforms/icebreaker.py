"""The board 1BitSquared iCEBreaker: iCE40UP5K, with an FT2232H for programming and serial line."""

from __future__ import annotations

from amaranth_boards.icebreaker import ICEBreakerPlatform

from bnnhw.families import Part
from bnnhw.platforms.base import (
    Board,
    BoardPins,
    Clocks,
    Programmer,
    SerialLine,
    Usb,
    flash_pins,
    pins_of,
    uart_pins,
)

__all__ = ["BOARDS"]

_PLATFORM = ICEBreakerPlatform()

BOARDS = (Board(
    name="icebreaker", title="1BitSquared iCEBreaker", device="up5k",
    part=Part("iCE40UP5K-SG48", ("--up5k", "--package", "sg48"), ("-device", "u")),
    clocks=Clocks(12e6, "ice40-pad"),
    pins=BoardPins(pins_of(_PLATFORM, "clk12"), *uart_pins(_PLATFORM), flash=flash_pins(_PLATFORM)),
    line=SerialLine("USB serial, second port of the FT2232H", 1_000_000),
    programmer=Programmer(
        "iceprog", ("-S", "{bitstream}"), ("{bitstream}",), (Usb(0x0403, 0x6010),),
        volatile_note="volatile programming needs the jumpers that connect the USB chip to the "
                      "FPGA's configuration port; with the jumpers in their delivered position, "
                      "use `persistent=True`"),
),)
