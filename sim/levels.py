"""What buffers and queues really hold, against the depths that the plan computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.emit.design import Design
from bnnhw.errors import MismatchError
from bnnhw.plan import BufferUnit
from bnnhw.plan.frames import encode_frames
from bnnhw.sim.batch import run_batch
from bnnhw.sim.build import build_model
from bnnhw.sim.stalls import Stalls, patience

__all__ = ["Level", "explain_lock", "measure_levels"]


@dataclass(frozen=True)
class Level:
    """One buffer: its planned depth, and the most that it held in a run."""

    unit: str
    depth: int
    even: int
    """With input words offered evenly, the schedule that the depth was computed from."""
    rushed: int
    """With input words offered as soon as they are taken."""


def measure_levels(design: Design, x: np.ndarray) -> list[Level]:
    """Run samples through the emitted Verilog twice and read the high-water marks.

    Raises
    ------
    MismatchError
        The core locked up.
    """
    plan = design.plan
    units = [unit for unit in plan.units if isinstance(unit, BufferUnit)]
    library = build_model(design.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words,
                          marks=[f"{unit.name}_held" for unit in units])
    words = encode_frames(plan, design.graph, x)
    held = []
    for pace in (plan.ii, 0):
        result = run_batch(library, words, len(x) * plan.o.words, plan.o.bytes,
                           patience=patience(plan, Stalls()), marks=len(units), pace=pace)
        if not result.complete:
            raise MismatchError("the core fell silent while its buffers were measured")
        held.append(result.marks[:, 0])
    return [Level(unit.name, unit.words_held, int(held[0][k]), int(held[1][k]))
            for k, unit in enumerate(units)]


def explain_lock(design: Design, words: np.ndarray, out_words: int) -> str:
    """Run a core that locks up again, and say which streams wait and what is full."""
    plan = design.plan
    streams = [f"{unit.name}_{port}" for unit in plan.units[1:-1] for port in unit.out_ports]
    buffers = [unit for unit in plan.units if isinstance(unit, BufferUnit)]
    marks = [f"{s}_{flag}" for s in streams for flag in ("valid", "ready")]
    library = build_model(design.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words,
                          marks=marks + [f"{unit.name}_held" for unit in buffers])
    last = run_batch(library, words, out_words, plan.o.bytes, patience=patience(plan, Stalls()),
                     marks=len(marks) + len(buffers)).marks[:, 1]
    waiting = [s for k, s in enumerate(streams) if last[2 * k] and not last[2 * k + 1]]
    full = [f"'{unit.name}' holds {held} of {unit.words_held}"
            for unit, held in zip(buffers, last[len(marks):], strict=True)
            if held >= unit.words_held]
    return f"streams that nobody takes: {', '.join(waiting) or 'none'}; " \
        f"full: {', '.join(full) or 'nothing'}"
