"""Radiona ULX3S: ECP5 of four sizes; an FT231X programs it and carries the serial line."""

from __future__ import annotations

from amaranth_boards.ulx3s import ULX3S_85F_Platform

from bnnhw.families import Part, Pin
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

_PLATFORM = ULX3S_85F_Platform()  # pins are those of all sizes
_SIZES = {12: "ecp5-25", 25: "ecp5-25", 45: "ecp5-45", 85: "ecp5-85"}

BOARDS = tuple(Board(
    name=f"ulx3s_{size}f", title=f"Radiona ULX3S {size}F", device=device,
    part=Part(f"LFE5U-{size}F-6BG381", (f"--{size}k", "--package", "CABGA381", "--speed", "6"),
              pack=("--compress",)),
    clocks=Clocks(25e6, "ecp5"),
    # While this pin is low, the ESP32 boots and uses the flash and the SD card.
    pins=BoardPins(pins_of(_PLATFORM, "clk25"), *uart_pins(_PLATFORM),
                   (("wifi_gpio0", Pin("L2", {"IO_TYPE": "LVCMOS33", "PULLMODE": "UP"})),)),
    line=SerialLine("USB serial of the FT231X", 1_000_000),
    programmer=Programmer(
        "openFPGALoader", ("-b", "ulx3s", "-m", "{bitstream}"),
        ("-b", "ulx3s", "-f", "{bitstream}"), (Usb(0x0403, 0x6015),)),
) for size, device in _SIZES.items())
