"""Clock multipliers: settings for a wanted frequency, and the cell that has them.

Limits are those of the data sheets (Lattice FPGA-TN-02052 for iCE40, FPGA-TN-02200 for ECP5,
Gowin UG286 for rPLL), as nextpnr and the vendors' calculators use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bnnhw.errors import PlanError

__all__ = ["PLLS", "Clock", "choose_clock"]

PASS_THROUGH = "module bnnhw_pll(input clk_in, output clk_out, output locked);\n" \
    "  assign clk_out = clk_in;\n  assign locked = 1'b1;\nendmodule\n"


@dataclass(frozen=True)
class Clock:
    """A clock that a board can make.

    Attributes
    ----------
    hz : int
        Frequency, rounded to whole hertz.
    verilog : str
        Module ``bnnhw_pll`` with ports ``clk_in``, ``clk_out`` and ``locked``. Without SYNTHESIS it
        is a wire, so that simulation runs at the accelerator's clock.
    """

    hz: int
    verilog: str


def _module(body: str) -> str:
    """The cell for synthesis, a wire for simulation."""
    return f"`ifdef SYNTHESIS\nmodule bnnhw_pll(input clk_in, output clk_out, output locked);\n" \
        f"{body}endmodule\n`else\n{PASS_THROUGH}`endif\n"


def _cell(kind: str, parameters: dict[str, str], ports: dict[str, str]) -> str:
    settings = ", ".join(f".{name}({value})" for name, value in parameters.items())
    wires = ", ".join(f".{name}({value})" for name, value in ports.items())
    return f"  {kind} #({settings}) pll ({wires});\n"


def _ice40_settings(hz: float) -> Iterator[tuple[float, tuple[int, int, int, int]]]:
    """SIMPLE feedback: out = in * (DIVF + 1) / ((DIVR + 1) * 2^DIVQ)."""
    for divr in range(16):
        compared = hz / (divr + 1)
        if not 10e6 <= compared <= 133e6:
            continue
        # The loop filter follows the frequency that is compared.
        limits = (17e6, 26e6, 44e6, 66e6, 101e6)
        filter_range = 1 + sum(compared >= limit for limit in limits)
        for divf in range(128):
            vco = compared * (divf + 1)
            if 533e6 <= vco <= 1066e6:
                for divq in range(1, 7):
                    if 16e6 <= vco / (1 << divq) <= 275e6:
                        yield vco / (1 << divq), (divr, divf, divq, filter_range)


def _ice40(kind: str) -> Callable[[float, float], Clock]:
    """``kind`` PAD takes the pin itself, CORE a wire."""
    def make(hz: float, wanted: float) -> Clock:
        out, (divr, divf, divq, filter_range) = _nearest(_ice40_settings(hz), wanted)
        pad = kind == "SB_PLL40_PAD"
        return Clock(round(out), _module(_cell(kind, {
            "FEEDBACK_PATH": '"SIMPLE"', "DIVR": f"4'd{divr}", "DIVF": f"7'd{divf}",
            "DIVQ": f"3'd{divq}", "FILTER_RANGE": f"3'd{filter_range}",
        }, {"PACKAGEPIN" if pad else "REFERENCECLK": "clk_in", "PLLOUTGLOBAL": "clk_out",
            "LOCK": "locked", "RESETB": "1'b1", "BYPASS": "1'b0"})))
    return make


def _ecp5_settings(hz: float) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """Feedback from CLKOP: out = in * CLKFB_DIV / CLKI_DIV, the oscillator CLKOP_DIV above it."""
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


def _ecp5(hz: float, wanted: float) -> Clock:
    out, (divi, feedback, divo) = _nearest(_ecp5_settings(hz), wanted)
    return Clock(round(out), _module(
        '  (* ICP_CURRENT="12" *) (* LPF_RESISTOR="8" *) (* MFG_ENABLE_FILTEROPAMP="1" *) '
        '(* MFG_GMCREF_SEL="2" *)\n' + _cell("EHXPLLL", {
            "PLLRST_ENA": '"DISABLED"', "INTFB_WAKE": '"DISABLED"', "STDBY_ENABLE": '"DISABLED"',
            "DPHASE_SOURCE": '"DISABLED"', "OUTDIVIDER_MUXA": '"DIVA"', "CLKOP_ENABLE": '"ENABLED"',
            "CLKOP_DIV": str(divo), "CLKOP_CPHASE": str(divo - 1), "CLKOP_FPHASE": "0",
            "FEEDBK_PATH": '"CLKOP"', "CLKI_DIV": str(divi), "CLKFB_DIV": str(feedback),
        }, {"CLKI": "clk_in", "CLKFB": "clk_out", "CLKOP": "clk_out", "LOCK": "locked",
            "RST": "1'b0", "STDBY": "1'b0", "PHASESEL0": "1'b0", "PHASESEL1": "1'b0",
            "PHASEDIR": "1'b0", "PHASESTEP": "1'b0", "PHASELOADREG": "1'b0",
            "PLLWAKESYNC": "1'b0", "ENCLKOP": "1'b0"})))


def _gowin_settings(hz: float, compared_max: float,
                    vco_max: float) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """out = in * (FBDIV_SEL + 1) / (IDIV_SEL + 1), the oscillator ODIV_SEL above it."""
    for divi in range(64):
        if not 3e6 <= hz / (divi + 1) <= compared_max:
            continue
        for feedback in range(64):
            out = hz / (divi + 1) * (feedback + 1)
            for divo in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if vco_max / 2 <= out * divo <= vco_max:
                    yield out, (divi, feedback, divo)
                    break


def _gowin(device: str, compared_max: float, vco_max: float) -> Callable[[float, float], Clock]:
    def make(hz: float, wanted: float) -> Clock:
        settings = _gowin_settings(hz, compared_max, vco_max)
        out, (divi, feedback, divo) = _nearest(settings, wanted)
        return Clock(round(out), _module(_cell("rPLL", {
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


def _nearest(settings: Iterator[tuple[float, tuple[int, ...]]],
             wanted: float) -> tuple[float, tuple[int, ...]]:
    """The highest frequency that is not above ``wanted``; of equal ones the first."""
    best: tuple[float, tuple[int, ...]] | None = None
    lowest: float | None = None
    for out, setting in settings:
        lowest = out if lowest is None else min(lowest, out)
        if out <= wanted * (1 + 1e-9) and (best is None or out > best[0]):
            best = (out, setting)
    if best is None:
        raise PlanError(f"the board cannot make a clock of {wanted / 1e6:g} MHz",
                        hint="no setting of its PLL" if lowest is None
                        else f"its PLL begins at {math.ceil(lowest / 1e3) / 1e3:g} MHz")
    return best


PLLS: dict[str, Callable[[float, float], Clock]] = {
    "ice40-pad": _ice40("SB_PLL40_PAD"), "ice40-core": _ice40("SB_PLL40_CORE"), "ecp5": _ecp5,
    "gw1nr-9c": _gowin("GW1NR-9C", 400e6, 1200e6), "gw2ar-18c": _gowin("GW2AR-18C", 500e6, 1250e6),
}
"""By the kind of a board's PLL: from its oscillator in Hz and the wanted frequency to a Clock."""


def choose_clock(kind: str, oscillator_hz: float, wanted_hz: float) -> Clock:
    """Make the fastest clock that is not faster than wanted.

    Parameters
    ----------
    kind : str
        A key of ``PLLS``.
    oscillator_hz, wanted_hz : float

    Raises
    ------
    PlanError
        The PLL cannot go so slow.
    """
    if abs(oscillator_hz - wanted_hz) < 1:
        return Clock(round(oscillator_hz), PASS_THROUGH)
    return PLLS[kind](oscillator_hz, wanted_hz)
