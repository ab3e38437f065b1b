"""Writes the input files of LibreLane, a flow that places and routes with open process design kits.

LibreLane runs synthesis itself. It reads the RTL, wrapper modules around the library's latches,
clock gates and adders, and constraints. The library must be that of the process design kit.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from collections.abc import Mapping

from bnnhw.asic.mapping import Mapped
from bnnhw.asic.missing_data import require_delays
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
"""Configuration keys that are written, and the types of their values in LibreLane 3.0."""

PERIOD_MARGIN = 1.5
"""Factor on the shortest period before layout, for wires, buffers and the clock tree."""

PERIOD_PER_PATH = 2
"""Estimated period without timing analysis, in delays of the longest path."""


def hand_off(design: Design, mapped: Mapped, timing: Timing | None,
             period: float | None) -> dict[str, bytes]:
    """Return the input files of LibreLane by name.

    Parameters
    ----------
    design : Design
    mapped : Mapped
    timing : Timing or None
        Determines the clock period if ``period`` is None.
    period : float or None
        Clock period in seconds. By default it follows from ``timing``, or from the longest path.

    Raises
    ------
    ConfigError
        LibreLane does not accept the configuration, or ``period`` is None and the library has no
        delays.
    """
    top = design.plan.name
    if period is None:
        before_layout = timing.period if timing else PERIOD_PER_PATH * _longest_path(mapped)
        period = PERIOD_MARGIN * before_layout
    used = needed_shims(design.verilog)
    latches = "bnnhw_dlatch" in used or "bnnhw_icg" in used
    files = {f"{top}.v": design.verilog, f"{top}.sdc": _sdc(mapped, period)}
    sources = [f"{top}.v"]
    if used:
        shims, _ = mapped_shims(mapped.roles)
        # The linter does not define BNNHW_CELLS: it sees the behavioural models, not library cells.
        files["cells.v"] = "`ifdef BNNHW_CELLS\n" + "\n".join(shims[n] for n in used) + "`endif\n"
        sources.append("cells.v")
    config: dict[str, object] = {
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


def _longest_path(mapped: Mapped) -> float:
    """Return the delay of the longest path in seconds."""
    netlist = Netlist.of(mapped)
    try:
        require_delays(netlist)
    except ConfigError as error:
        raise ConfigError(f"cannot derive a clock period from the library: {error.message}",
                          where=error.where, hint="give the clock in MHz (`clock_mhz=`)") from None
    return netlist.longest


def check_config(config: Mapping[str, object]) -> str:
    """Check a configuration against ``KEYS``, and against LibreLane itself if it is installed.

    Returns
    -------
    str
        What the configuration was checked against.

    Raises
    ------
    ConfigError
        A key is unknown, or its value has the wrong type.
    """
    for key, value in config.items():
        expected = KEYS.get(key)
        if expected is None:
            raise ConfigError(f"'{key}' is unknown", where="LibreLane configuration")
        if not isinstance(value, expected):
            raise ConfigError(f"'{key}' is {value!r}, expected {expected.__name__}",
                              where="LibreLane configuration")
    names = _librelane_variables()
    if names is None:
        return "the keys of LibreLane 3.0 that are used"
    unknown = config.keys() - names
    if unknown:
        raise ConfigError(f"the installed LibreLane does not know {', '.join(sorted(unknown))}",
                          where="LibreLane configuration", hint="use LibreLane 3.0")
    return "the variables of the installed LibreLane"


def _librelane_variables() -> set[str] | None:
    """Return the variables of LibreLane's classic flow, or None if LibreLane is not installed."""
    if importlib.util.find_spec("librelane") is None:
        return None
    common = importlib.import_module("librelane.config.flow")
    classic = importlib.import_module("librelane.flows").Flow.factory.get("Classic")
    variables = [*common.flow_common_variables, *common.option_variables, *classic.config_vars,
                 *(v for step in classic.Steps for v in step.config_vars)]
    return {v.name for v in variables}


def _sdc(mapped: Mapped, period: float) -> str:
    """Return the timing constraints (SDC) for a period in seconds."""
    text = constraints(mapped)
    number = f"{period / mapped.library.time:.4f}"
    return "# Times and loads in the units of the library.\n" + \
        re.sub(r"\$period\b", number, text)
