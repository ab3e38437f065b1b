"""The Lattice ECP5 evaluation board (LFE5UM5G-85F-EVN)."""

from __future__ import annotations

from amaranth_boards.ecp5_5g_evn import ECP55GEVNPlatform

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

_PLATFORM = ECP55GEVNPlatform()

BOARDS = (Board(
    name="ecp5_evn", title="Lattice ECP5 evaluation board (85F)", device="ecp5-85",
    part=Part("LFE5UM5G-85F-8BG381", ("--um5g-85k", "--package", "CABGA381", "--speed", "8"),
              pack=("--compress",)),
    clocks=Clocks(12e6, "ecp5", default_mhz=60, fastest_mhz=100),  # speed grade 8
    pins=BoardPins(pins_of(_PLATFORM, "clk12"), *uart_pins(_PLATFORM)),
    line=SerialLine("USB serial, second port of the FT2232H", 1_000_000,
                    "the serial line needs two resistor jumpers moved and the FT2232H's second "
                    "port set to serial (user guide, section 6.2)"),
    programmer=Programmer(
        "openFPGALoader", ("-b", "ecp5_evn", "-m", "{bitstream}"),
        ("-b", "ecp5_evn", "-f", "{bitstream}"), (Usb(0x0403, 0x6010),)),
),)
