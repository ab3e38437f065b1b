"""Board Lattice ECP5 Evaluation (LFE5UM5G-85F-EVN)."""

from __future__ import annotations

from amaranth_boards.ecp5_5g_evn import ECP55GEVNPlatform

from bnnhw.families import Part
from bnnhw.platforms.base import Board, Programmer, Usb, pins_of, uart_pins

__all__ = ["BOARDS"]

_PLATFORM = ECP55GEVNPlatform()

BOARDS = (Board(
    name="ecp5_evn", title="Lattice ECP5 evaluation board (85F)", device="ecp5-85",
    part=Part("LFE5UM5G-85F-8BG381", ("--um5g-85k", "--package", "CABGA381", "--speed", "8"),
              pack=("--compress",)),
    oscillator_hz=12e6, pll="ecp5", clock=pins_of(_PLATFORM, "clk12"), **uart_pins(_PLATFORM),
    link="USB serial, second port of the FT2232H", baud=1_000_000,
    clock_mhz=60, fastest_mhz=100,  # speed grade 8
    programmer=Programmer(
        "openFPGALoader", ("-b", "ecp5_evn", "-m", "{bitstream}"),
        ("-b", "ecp5_evn", "-f", "{bitstream}"), (Usb(0x0403, 0x6010),)),
    note="the serial line needs two resistor jumpers moved and the FT2232H's second port set to "
         "serial (user guide, section 6.2)",
),)
