"""Board Lattice iCE40-HX8K-B-EVN: an FT2232H programs it and carries the serial line."""

from __future__ import annotations

from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform

from bnnhw.families import Part
from bnnhw.platforms.base import Board, Programmer, Usb, pins_of, uart_pins

__all__ = ["BOARDS"]

_PLATFORM = ICE40HX8KBEVNPlatform()

BOARDS = (Board(
    name="hx8k_evn", title="Lattice iCE40-HX8K-B-EVN", device="hx8k",
    part=Part("iCE40HX8K-CT256", ("--hx8k", "--package", "ct256"), ("-device", "hx")),
    oscillator_hz=12e6, pll="ice40-core", clock=pins_of(_PLATFORM, "clk12"),
    **uart_pins(_PLATFORM), link="USB serial, second port of the FT2232H", baud=1_000_000,
    programmer=Programmer("iceprog", ("-S", "{bitstream}"), ("{bitstream}",),
                          (Usb(0x0403, 0x6010),)),
    volatile_note="volatile programming needs the two jumpers of J6 turned; with the board as it "
                  "comes, use `persistent=True`",
    persistent_note="the two jumpers of J6 must be in the position in which the board comes",
),)
