"""Gowin FPGAs on a board: pin constraints (.cst), PLL settings, and the device of a bitstream.

PLL limits are those of Gowin UG286, as the vendor's calculator uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bnnhw.families.flow import NotABitstreamError
from bnnhw.families.parts import Pin
from bnnhw.families.pll import Clock, PllMaker, nearest_setting, pll_cell, pll_module

__all__ = ["GOWIN_DEVICES", "gowin_device", "gowin_pll", "write_cst"]

# The IDCODE that the configuration logic compares with that of the device (Gowin UG290).
GOWIN_DEVICES = {"GW1NR-LV9": 0x1100481B, "GW2AR-LV18": 0x0000081B}


def write_cst(pins: Mapping[str, Pin], clk_hz: float) -> str:
    """Text of a .cst file, which has no frequencies."""
    lines = []
    for name, pin in pins.items():
        lines.append(f'IO_LOC "{name}" {pin.site};')
        settings = "".join(f" {key}={value}" for key, value in pin.attributes.items())
        if settings:
            lines.append(f'IO_PORT "{name}"{settings};')
    return "\n".join(lines) + "\n"


def _settings(hz: float, compared_max: float,
              vco_max: float) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """Frequencies and settings (IDIV_SEL, FBDIV_SEL, ODIV_SEL).

    out = in * (FBDIV_SEL + 1) / (IDIV_SEL + 1), and the VCO runs at ODIV_SEL times that.
    """
    for divi in range(64):
        if not 3e6 <= hz / (divi + 1) <= compared_max:
            continue
        for feedback in range(64):
            out = hz / (divi + 1) * (feedback + 1)
            for divo in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if vco_max / 2 <= out * divo <= vco_max:
                    yield out, (divi, feedback, divo)
                    break


def gowin_pll(device: str, compared_max: float, vco_max: float) -> PllMaker:
    """The rPLL of a device, with limits in Hz at its phase detector and of its VCO."""
    def make(hz: float, target_hz: float) -> Clock:
        settings = _settings(hz, compared_max, vco_max)
        out, (divi, feedback, divo) = nearest_setting(settings, target_hz)
        return Clock(round(out), pll_module(pll_cell("rPLL", {
            "DEVICE": f'"{device}"', "FCLKIN": f'"{hz / 1e6:g}"', "IDIV_SEL": str(divi),
            "FBDIV_SEL": str(feedback), "ODIV_SEL": str(divo), "DYN_IDIV_SEL": '"false"',
            "DYN_FBDIV_SEL": '"false"', "DYN_ODIV_SEL": '"false"', "PSDA_SEL": '"0000"',
            "DYN_DA_EN": '"true"', "DUTYDA_SEL": '"1000"', "CLKOUT_FT_DIR": "1'b1",
            "CLKOUTP_FT_DIR": "1'b1", "CLKOUT_DLY_STEP": "0", "CLKOUTP_DLY_STEP": "0",
            "CLKFB_SEL": '"internal"', "CLKOUT_BYPASS": '"false"', "CLKOUTP_BYPASS": '"false"',
            "CLKOUTD_BYPASS": '"false"', "DYN_SDIV_SEL": "2", "CLKOUTD_SRC": '"CLKOUT"',
            "CLKOUTD3_SRC": '"CLKOUT"',
        }, {"CLKIN": "clk_in", "CLKOUT": "clk_out", "LOCK": "locked", "RESET": "1'b0",
            "RESET_P": "1'b0", "CLKFB": "1'b0", "FBDSEL": "6'b0", "IDSEL": "6'b0",
            "ODSEL": "6'b0", "PSDA": "4'b0", "DUTYDA": "4'b0", "FDLY": "4'b0"})))
    return make


def gowin_device(data: bytes) -> int:
    """The IDCODE in command 06 of a bitstream, a text file with a line of 0 and 1 per command."""
    lines = [line.strip() for line in data.splitlines() if not line.startswith(b"//")]
    if any(line.strip(b"01") for line in lines):
        raise NotABitstreamError("is not a text of 0 and 1")
    words = [int(line, 2).to_bytes(len(line) // 8, "big") for line in lines
             if line and len(line) <= 64 and len(line) % 8 == 0]
    if b"\xa5\xc3" not in words:
        raise NotABitstreamError("does not begin like a Gowin bitstream")
    numbers = [word for word in words if len(word) == 8 and word.startswith(b"\x06\0\0\0")]
    if not numbers:
        raise NotABitstreamError("names no device")
    if b"\x08\0\0\0" not in words:
        raise NotABitstreamError("is cut short: the command that ends configuration is missing")
    return int.from_bytes(numbers[0][4:], "big")
