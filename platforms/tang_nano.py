"""The boards Sipeed Tang Nano 9K and 20K: Gowin FPGAs with a USB bridge that programs them.

The pins of the 20K are those of Sipeed's schematic and of LiteX's board file.
"""

from __future__ import annotations

from amaranth_boards.tang_nano_9k import TangNano9kPlatform

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

_PLATFORM = TangNano9kPlatform()
_LVCMOS = {"IO_TYPE": "LVCMOS33"}
_BRIDGE = (Usb(0x0403, 0x6010),)

BOARDS = (
    Board(
        name="tang_nano_9k", title="Sipeed Tang Nano 9K", device="gw1nr9",
        part=Part("GW1NR-LV9QN88PC6/I5",
                  ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
                  ("-family", "gw1n"), ("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio")),
        clocks=Clocks(27e6, "gw1nr-9c"),
        pins=BoardPins(pins_of(_PLATFORM, "clk27"), *uart_pins(_PLATFORM)),
        line=SerialLine("USB serial of the BL702 bridge", 115_200),
        programmer=Programmer("openFPGALoader", ("-b", "tangnano9k", "-m", "{bitstream}"),
                              ("-b", "tangnano9k", "-f", "{bitstream}"), _BRIDGE),
    ),
    Board(
        name="tang_nano_20k", title="Sipeed Tang Nano 20K", device="gw2ar18",
        part=Part("GW2AR-LV18QN88C8/I7",
                  ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
                  ("-family", "gw2a"), ("-d", "GW2A-18C", "--sspi_as_gpio", "--mspi_as_gpio")),
        clocks=Clocks(27e6, "gw2ar-18c"),
        pins=BoardPins(Pin("4", _LVCMOS), rx=Pin("70", _LVCMOS), tx=Pin("69", _LVCMOS)),
        line=SerialLine("USB serial of the BL616 bridge", 115_200),
        programmer=Programmer("openFPGALoader", ("-b", "tangnano20k", "-m", "{bitstream}"),
                              ("-b", "tangnano20k", "-f", "{bitstream}"), _BRIDGE),
    ),
)
