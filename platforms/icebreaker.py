"""Board 1BitSquared iCEBreaker: iCE40UP5K, with an FT2232H for programming and serial line."""

from __future__ import annotations

from amaranth_boards.icebreaker import ICEBreakerPlatform

from bnnhw.families import Part
from bnnhw.platforms.base import Board, Programmer, Usb, flash_pins, pins_of, uart_pins

__all__ = ["BOARDS"]

_PLATFORM = ICEBreakerPlatform()

BOARDS = (Board(
    name="icebreaker", title="1BitSquared iCEBreaker", device="up5k",
    part=Part("iCE40UP5K-SG48", ("--up5k", "--package", "sg48"), ("-device", "u")),
    oscillator_hz=12e6, pll="ice40-pad", clock=pins_of(_PLATFORM, "clk12"), **uart_pins(_PLATFORM),
    link="USB serial, second port of the FT2232H", baud=1_000_000,
    programmer=Programmer("iceprog", ("-S", "{bitstream}"), ("{bitstream}",),
                          (Usb(0x0403, 0x6010),)),
    volatile_note="volatile programming needs the jumpers that put the USB chip on the FPGA's "
                  "configuration port; with the board as it comes, use `persistent=True`",
    flash=flash_pins(_PLATFORM),
),)
