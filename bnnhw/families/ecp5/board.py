"""ECP5 on a board: pin constraints (.lpf), PLL settings, and the device of a bitstream.

PLL limits are those of Lattice FPGA-TN-02200, as nextpnr and ecppll use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bnnhw.families.flow import NotABitstreamError
from bnnhw.families.parts import Pin
from bnnhw.families.pll import Clock, nearest_setting, pll_cell, pll_module

__all__ = ["ECP5_DEVICES", "ecp5_device", "ecp5_pll", "write_lpf"]

# The IDCODE that the configuration logic compares with that of the device (Lattice FPGA-TN-02039).
ECP5_DEVICES = {
    "LFE5U-12F": 0x21111043, "LFE5U-25F": 0x41111043, "LFE5U-45F": 0x41112043,
    "LFE5U-85F": 0x41113043, "LFE5UM-25F": 0x01111043, "LFE5UM-45F": 0x01112043,
    "LFE5UM-85F": 0x01113043, "LFE5UM5G-25F": 0x81111043, "LFE5UM5G-45F": 0x81112043,
    "LFE5UM5G-85F": 0x81113043,
}

_PREAMBLE = b"\xff\xff\xbd\xb3"


def write_lpf(pins: Mapping[str, Pin], clk_hz: float) -> str:
    """Text of an .lpf file."""
    lines = ["BLOCK ASYNCPATHS;", "BLOCK RESETPATHS;"]
    for name, pin in pins.items():
        lines.append(f'LOCATE COMP "{name}" SITE "{pin.site}";')
        settings = "".join(f" {key}={value}" for key, value in pin.attributes.items())
        if settings:
            lines.append(f'IOBUF PORT "{name}"{settings};')
    lines.append(f'FREQUENCY PORT "clk" {clk_hz / 1e6:g} MHZ;')
    return "\n".join(lines) + "\n"


def _settings(hz: float) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """Frequencies and settings (CLKI_DIV, CLKFB_DIV, CLKOP_DIV) with feedback from CLKOP.

    out = in * CLKFB_DIV / CLKI_DIV, and the VCO runs at CLKOP_DIV times that.
    """
    for divi in range(1, 129):
        if not 3.125e6 <= hz / divi <= 400e6:
            continue
        for feedback in range(1, 81):
            out = hz / divi * feedback
            if not 10e6 <= out <= 400e6:
                continue
            for divo in range(1, 129):
                if 400e6 <= out * divo <= 800e6:
                    yield out, (divi, feedback, divo)
                    break


def ecp5_pll(hz: float, target_hz: float) -> Clock:
    """The PLL EHXPLLL."""
    out, (divi, feedback, divo) = nearest_setting(_settings(hz), target_hz)
    return Clock(round(out), pll_module(
        '  (* ICP_CURRENT="12" *) (* LPF_RESISTOR="8" *) (* MFG_ENABLE_FILTEROPAMP="1" *) '
        '(* MFG_GMCREF_SEL="2" *)\n' + pll_cell("EHXPLLL", {
            "PLLRST_ENA": '"DISABLED"', "INTFB_WAKE": '"DISABLED"', "STDBY_ENABLE": '"DISABLED"',
            "DPHASE_SOURCE": '"DISABLED"', "OUTDIVIDER_MUXA": '"DIVA"', "CLKOP_ENABLE": '"ENABLED"',
            "CLKOP_DIV": str(divo), "CLKOP_CPHASE": str(divo - 1), "CLKOP_FPHASE": "0",
            "FEEDBK_PATH": '"CLKOP"', "CLKI_DIV": str(divi), "CLKFB_DIV": str(feedback),
        }, {"CLKI": "clk_in", "CLKFB": "clk_out", "CLKOP": "clk_out", "LOCK": "locked",
            "RST": "1'b0", "STDBY": "1'b0", "PHASESEL0": "1'b0", "PHASESEL1": "1'b0",
            "PHASEDIR": "1'b0", "PHASESTEP": "1'b0", "PHASELOADREG": "1'b0",
            "PLLWAKESYNC": "1'b0", "ENCLKOP": "1'b0"})))


def ecp5_device(data: bytes) -> int:
    """The IDCODE in the VERIFY_ID command of a bitstream."""
    start = data.find(_PREAMBLE, 0, 1 << 16)
    if not data.startswith((b"\xff\x00", b"LSCC", b"\xff\xff")) or start < 0:
        raise NotABitstreamError("does not begin like an ECP5 bitstream")
    if b"\x5e\x00\x00\x00" not in data[-512:]:
        raise NotABitstreamError("is cut short: the command that ends configuration is missing")
    command = data.find(b"\xe2\x00\x00\x00", start, start + 256)
    if command < 0:
        raise NotABitstreamError("names no device")
    return int.from_bytes(data[command + 4:command + 8], "big")
