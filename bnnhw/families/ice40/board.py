"""iCE40 on a board: pin constraints (.pcf), PLL settings, and the device of a bitstream.

PLL limits are those of Lattice FPGA-TN-02052, as nextpnr and icepll use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bnnhw.families.flow import NotABitstreamError
from bnnhw.families.parts import Pin
from bnnhw.families.pll import Clock, PllMaker, nearest_setting, pll_cell, pll_module

__all__ = ["ICE40_DEVICES", "ice40_device", "ice40_pll", "write_pcf"]

# A bitstream has no device identifier, but its configuration memory has a width and a height.
ICE40_DEVICES = {"iCE40HX1K": (332, 144), "iCE40LP1K": (332, 144), "iCE40UP5K": (692, 336),
                 "iCE40HX4K": (872, 272), "iCE40HX8K": (872, 272), "iCE40LP8K": (872, 272)}

_PREAMBLE = b"\x7e\xaa\x99\x7e"


def write_pcf(pins: Mapping[str, Pin], clk_hz: float) -> str:
    """Text of a .pcf file."""
    lines = []
    for name, pin in pins.items():
        pull = "-pullup yes " if pin.attributes.get("PULLUP") == "1" else ""
        lines.append(f"set_io {pull}{name} {pin.site}")
    lines.append(f"set_frequency clk {clk_hz / 1e6:g}")
    return "\n".join(lines) + "\n"


def _settings(hz: float) -> Iterator[tuple[float, tuple[int, int, int, int]]]:
    """Frequencies and settings. Feedback SIMPLE: out = in * (DIVF + 1) / ((DIVR + 1) * 2^DIVQ)."""
    for divr in range(16):
        compared = hz / (divr + 1)
        if not 10e6 <= compared <= 133e6:
            continue
        # The range of the loop filter depends on the frequency at the phase detector.
        limits = (17e6, 26e6, 44e6, 66e6, 101e6)
        filter_range = 1 + sum(compared >= limit for limit in limits)
        for divf in range(128):
            vco = compared * (divf + 1)
            if 533e6 <= vco <= 1066e6:
                for divq in range(1, 7):
                    if 16e6 <= vco / (1 << divq) <= 275e6:
                        yield vco / (1 << divq), (divr, divf, divq, filter_range)


def ice40_pll(kind: str) -> PllMaker:
    """PLLs of a kind: ``SB_PLL40_PAD`` reads a pin directly, ``SB_PLL40_CORE`` reads a net."""
    def make(hz: float, target_hz: float) -> Clock:
        out, (divr, divf, divq, filter_range) = nearest_setting(_settings(hz), target_hz)
        pad = kind == "SB_PLL40_PAD"
        return Clock(round(out), pll_module(pll_cell(kind, {
            "FEEDBACK_PATH": '"SIMPLE"', "DIVR": f"4'd{divr}", "DIVF": f"7'd{divf}",
            "DIVQ": f"3'd{divq}", "FILTER_RANGE": f"3'd{filter_range}",
        }, {"PACKAGEPIN" if pad else "REFERENCECLK": "clk_in", "PLLOUTGLOBAL": "clk_out",
            "LOCK": "locked", "RESETB": "1'b1", "BYPASS": "1'b0"})))
    return make


def ice40_device(data: bytes) -> tuple[int, int]:
    """Width and height of the configuration memory that a bitstream is for."""
    start = data.find(_PREAMBLE, 0, 1 << 16)
    if not data.startswith((b"\xff\x00", _PREAMBLE)) or start < 0:
        raise NotABitstreamError("does not begin like an iCE40 bitstream")
    if not data.rstrip(b"\0").endswith(b"\x01\x06"):
        raise NotABitstreamError("is cut short: the command that ends configuration is missing")
    sizes, position = {}, start + len(_PREAMBLE)
    # A command is four bits of opcode and four bits of length in bytes; 01 01 and 01 03 begin data.
    while (position + 1 < len(data)
           and data[position:position + 2] not in (b"\x01\x01", b"\x01\x03")):
        length = data[position] & 15
        sizes[data[position] >> 4] = int.from_bytes(data[position + 1:position + 1 + length], "big")
        position += 1 + length
    return sizes.get(6, -1) + 1, sizes.get(7, 0)
