"""Hand-off to LibreLane, which places and routes with open process kits.

LibreLane synthesises by itself, so that it gets the RTL, the modules that hold the library's own
latches, clock gates and adders, and constraints. The library has to be that of its process kit.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from typing import Any

from bnnhw.asic.gaps import require_delays
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.shims import latch_map, mapped_shims, needed_shims
from bnnhw.asic.timing import Timing, constraints
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError

__all__ = ["KEYS", "check_config", "hand_off"]

KEYS = {
    "DESIGN_NAME": str, "VERILOG_FILES": list, "VERILOG_DEFINES": list, "LINTER_DEFINES": list,
    "CLOCK_PORT": str, "CLOCK_PERIOD": float, "PNR_SDC_FILE": str, "SIGNOFF_SDC_FILE": str,
    "LINTER_ERROR_ON_LATCH": bool, "SYNTH_LATCH_MAP": str, "FP_CORE_UTIL": int,
}
"""Keys that are written, and their types: of LibreLane 3.0."""

MARGIN = 1.5
"""Periods before layout that the clock gets: wires, buffers and a clock tree come on top."""


def hand_off(design: Design, mapped: Mapped, timing: Timing | None,
             period: float | None) -> dict[str, bytes]:
    """Files for LibreLane, by name.

    Parameters
    ----------
    design : Design
    mapped : Mapped
    timing : Timing or None
        Gives the period where none is wished for.
    period : float or None
        Seconds.

    Raises
    ------
    ConfigError
        The configuration is not what LibreLane takes, or there is neither a period nor a library
        with delays from which one follows.
    """
    top = design.plan.name
    if period is None:
        before = timing.period if timing else 2 * _longest(mapped)
        period = MARGIN * before
    used = needed_shims(design.verilog)
    latches = "bnnhw_dlatch" in used or "bnnhw_icg" in used
    files = {f"{top}.v": design.verilog, f"{top}.sdc": _sdc(mapped, period)}
    sources = [f"{top}.v"]
    if used:
        shims, _ = mapped_shims(mapped.roles)
        # The linter reads without BNNHW_CELLS: it knows no cells, but what they do.
        files["cells.v"] = "`ifdef BNNHW_CELLS\n" + "\n".join(shims[n] for n in used) + "`endif\n"
        sources.append("cells.v")
    config: dict[str, Any] = {
        "DESIGN_NAME": top, "VERILOG_FILES": [f"dir::{name}" for name in sources],
        "VERILOG_DEFINES": ["SYNTHESIS", "BNNHW_CELLS"], "LINTER_DEFINES": ["SYNTHESIS"],
        "CLOCK_PORT": "clk", "CLOCK_PERIOD": round(period * 1e9, 3),
        "PNR_SDC_FILE": f"dir::{top}.sdc", "SIGNOFF_SDC_FILE": f"dir::{top}.sdc",
        "FP_CORE_UTIL": 50,
    }
    if latches:
        files["latch_map.v"] = latch_map(mapped.roles)
        config |= {"LINTER_ERROR_ON_LATCH": False, "SYNTH_LATCH_MAP": "dir::latch_map.v"}
    check_config(config)
    files["config.json"] = json.dumps(config, indent=2) + "\n"
    return {name: text.encode() for name, text in files.items()}


def _longest(mapped: Mapped) -> float:
    """Seconds of the longest path."""
    netlist = Netlist.of(mapped)
    try:
        require_delays(netlist)
    except ConfigError as error:
        raise ConfigError(f"no clock period follows from the library: {error.message}",
                          where=error.where, hint="give the clock in MHz (--clock)") from None
    return netlist.longest


def check_config(config: dict[str, Any]) -> str:
    """Hold a configuration against LibreLane's own variables, or against ``KEYS``.

    Returns
    -------
    str
        What it was held against.

    Raises
    ------
    ConfigError
        A key is unknown, or its value has another type.
    """
    for key, value in config.items():
        wanted = KEYS.get(key)
        if wanted is None or not isinstance(value, wanted):
            raise ConfigError(f"'{key}' is {'unknown' if wanted is None else repr(value)}",
                              where="LibreLane configuration")
    names = _own_variables()
    if names is None:
        return "the keys of LibreLane 3.0 that are used"
    unknown = config.keys() - names
    if unknown:
        raise ConfigError(f"the installed LibreLane does not know {', '.join(sorted(unknown))}",
                          where="LibreLane configuration", hint="use LibreLane 3.0")
    return "the variables of the installed LibreLane"


def _own_variables() -> set[str] | None:
    """Names of all variables of the classic flow, where LibreLane is installed."""
    if importlib.util.find_spec("librelane") is None:
        return None
    common = importlib.import_module("librelane.config.flow")
    classic = importlib.import_module("librelane.flows").Flow.factory.get("Classic")
    variables = [*common.flow_common_variables, *common.option_variables, *classic.config_vars,
                 *(v for step in classic.Steps for v in step.config_vars)]
    return {v.name for v in variables}


def _sdc(mapped: Mapped, period: float) -> str:
    text = constraints(mapped)
    number = f"{period / mapped.library.time:.4f}"
    return "# Times and loads in the units of the library.\n" + \
        re.sub(r"\$period\b", number, text)
