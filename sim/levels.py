"""Compares the fill levels of buffers in simulation with the depths that the plan computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.arch.simulation import Probes, Stalls, StreamCore, Trace
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, MismatchError, option
from bnnhw.plan.frames import encode_frames
from bnnhw.sim.batch import run_core

__all__ = ["Level", "check_measurable", "explained", "measure_levels"]


@dataclass(frozen=True)
class Level:
    """The planned depth of one buffer, and its highest fill level in two runs.

    Attributes
    ----------
    unit : str
        Name of the buffer.
    depth : int
        Planned depth in words.
    even : int
        Highest level while input words arrive evenly, which is the schedule that the plan
        computed the depth from.
    rushed : int
        Highest level while input words arrive as fast as the core accepts them.
    """

    unit: str
    depth: int
    even: int
    rushed: int


def check_measurable(design: Design) -> None:
    """Check that buffers of a design can be measured, before time is spent on its simulation.

    Raises
    ------
    ConfigError
        The architecture has no probes, as that of jobs has none.
    """
    if design.core.probes == Probes():
        raise ConfigError(f"architecture '{design.plan.arch}' has no buffers whose fill level can "
                          "be measured", where="simulate",
                          hint=f"leave out {option('buffers', True)}")


def measure_levels(design: Design, x: np.ndarray) -> list[Level]:
    """Run samples through the emitted Verilog twice and read the highest fill levels.

    Raises
    ------
    ConfigError
        See ``check_measurable``.
    MismatchError
        The core locked up.
    """
    check_measurable(design)
    core, buffers = design.core, design.core.probes.buffers
    if not buffers:
        return []
    words = encode_frames(design.plan, design.graph, x)
    highest = []
    for pace in (design.plan.ii, 0):
        result = run_core(core, words, len(x) * core.o.words, Stalls(),
                          marks=[buffer.signal for buffer in buffers], pace=pace)
        if not result.complete:
            raise MismatchError("the core fell silent while its buffers were measured")
        highest.append(result.marks[:, 0])
    return [Level(buffer.unit, buffer.depth, int(highest[0][k]), int(highest[1][k]))
            for k, buffer in enumerate(buffers)]


def explained(core: StreamCore, words: np.ndarray, trace: Trace) -> Trace:
    """Run a core that locked up again, and add which streams wait and which buffers are full."""
    streams, buffers = core.probes.streams, core.probes.buffers
    flags = [f"{stream}_{flag}" for stream in streams for flag in ("valid", "ready")]
    last = run_core(core, words, len(trace.words), Stalls(),
                    marks=[*flags, *(buffer.signal for buffer in buffers)]).marks[:, 1]
    waiting = [stream for k, stream in enumerate(streams) if last[2 * k] and not last[2 * k + 1]]
    full = [f"'{buffer.unit}' has {level} of {buffer.depth} words"
            for buffer, level in zip(buffers, last[len(flags):], strict=True)
            if level >= buffer.depth]
    return replace(trace, explanation=f"streams whose receiver is not ready: "
                   f"{', '.join(waiting) or 'none'}; full buffers: {', '.join(full) or 'none'}")
