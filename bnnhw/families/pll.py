"""Describes PLLs: the clock that they derive from an oscillator, and their Verilog module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bnnhw.errors import PlanError

__all__ = ["PASS_THROUGH", "Clock", "PllMaker", "nearest_setting", "pll_cell", "pll_module"]

PASS_THROUGH = "module bnnhw_pll(input clk_in, output clk_out, output locked);\n" \
    "  assign clk_out = clk_in;\n  assign locked = 1'b1;\nendmodule\n"
"""The module without a PLL: the clock of the oscillator itself."""


@dataclass(frozen=True)
class Clock:
    """A clock that a board can make.

    Attributes
    ----------
    hz : int
        Frequency, rounded to whole hertz.
    verilog : str
        Module ``bnnhw_pll`` with ports ``clk_in``, ``clk_out`` and ``locked``. Unless SYNTHESIS is
        defined it is a wire, so that simulation runs at the accelerator's clock.
    """

    hz: int
    verilog: str

    @property
    def mhz(self) -> float:
        """Frequency in MHz."""
        return self.hz / 1e6


PllMaker = Callable[[float, float], Clock]
"""Makes the fastest clock that is not faster than a target, from the frequencies of the oscillator
and of the target in Hz; raises PlanError where every setting is faster."""


def pll_module(body: str) -> str:
    """Module ``bnnhw_pll`` with a PLL cell for synthesis, and a wire for simulation."""
    return f"`ifdef SYNTHESIS\nmodule bnnhw_pll(input clk_in, output clk_out, output locked);\n" \
        f"{body}endmodule\n`else\n{PASS_THROUGH}`endif\n"


def pll_cell(kind: str, parameters: Mapping[str, str], ports: Mapping[str, str]) -> str:
    """Instance of a PLL cell."""
    settings = ", ".join(f".{name}({value})" for name, value in parameters.items())
    wires = ", ".join(f".{name}({value})" for name, value in ports.items())
    return f"  {kind} #({settings}) pll ({wires});\n"


def nearest_setting(settings: Iterator[tuple[float, tuple[int, ...]]],
                    target_hz: float) -> tuple[float, tuple[int, ...]]:
    """The highest frequency that is not above ``target_hz``, and its setting.

    Of settings with equal frequencies, the first one is returned.

    Parameters
    ----------
    settings : iterator of (float, tuple of int)
        Output frequencies in Hz, each with the values of the PLL's parameters.
    target_hz : float

    Raises
    ------
    PlanError
        No frequency is low enough.
    """
    best: tuple[float, tuple[int, ...]] | None = None
    lowest: float | None = None
    for out, setting in settings:
        lowest = out if lowest is None else min(lowest, out)
        if out <= target_hz * (1 + 1e-9) and (best is None or out > best[0]):
            best = (out, setting)
    if best is None:
        raise PlanError(f"the board cannot make a clock of {target_hz / 1e6:g} MHz",
                        hint="its PLL supports no setting with this oscillator" if lowest is None
                        else "the lowest clock of its PLL is "
                             f"{math.ceil(lowest / 1e3) / 1e3:g} MHz")
    return best
