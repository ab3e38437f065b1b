"""One call for every engine: samples in, outputs and exact cycles out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.plan.frames import decode_frames, encode_frames
from bnnhw.sim.stalls import Stalls, patience

__all__ = ["ENGINES", "Simulation", "Stalls", "simulate"]


@dataclass(frozen=True, repr=False)
class Simulation:
    """What a run of the core gave.

    Attributes
    ----------
    outputs : dict of int64 arrays
        As the golden model gives them.
    in_cycles, out_cycles : int64
        Cycle in which each word was transferred, counted from the end of reset.
    cycles : int
        Cycles simulated.
    frame_words : (int, int)
        Input and output words of a frame.
    """

    outputs: dict[str, np.ndarray]
    in_cycles: np.ndarray
    out_cycles: np.ndarray
    cycles: int
    frame_words: tuple[int, int]

    @property
    def latency(self) -> int:
        """Cycles from the first word in to the last word out of the first frame."""
        return int(self.out_cycles[self.frame_words[1] - 1] - self.in_cycles[0])

    @property
    def ii(self) -> int | None:
        """Cycles between the last two frames; None with fewer than two."""
        ends = self.out_cycles[self.frame_words[1] - 1::self.frame_words[1]]
        return int(ends[-1] - ends[-2]) if len(ends) > 1 else None

    def __repr__(self) -> str:
        frames = len(self.out_cycles) // self.frame_words[1]
        return f"<Simulation: {frames:,} frames in {self.cycles:,} cycles, ii {self.ii}, " \
               f"latency {self.latency:,}>"


Progress = Callable[[int], None]


def _verilator(design: Design, words: np.ndarray, frames: int, stalls: Stalls,
               progress: Progress | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    from bnnhw.sim.batch import run_batch
    from bnnhw.sim.build import build_model
    from bnnhw.sim.levels import explain_lock

    plan = design.plan
    library = build_model(design.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words)
    done = 0

    def report(words: int) -> None:
        nonlocal done
        before, done = done // plan.o.words, done + words
        if progress and done // plan.o.words > before:
            progress(done // plan.o.words - before)

    result = run_batch(library, words, frames * plan.o.words, plan.o.bytes, seed=stalls.seed,
                       in_stall=stalls.input, out_stall=stalls.output,
                       patience=patience(plan, stalls), progress=report)
    if not result.complete:
        raise MismatchError(f"the core fell silent after {int((result.out_cycles >= 0).sum())} of "
                            f"{frames * plan.o.words} output words; "
                            + explain_lock(design, words, frames * plan.o.words))
    if result.frame_error:
        raise MismatchError("the core reports frame_error, although every frame was whole")
    expected = np.arange(len(result.last)) % plan.o.words == plan.o.words - 1
    if (result.last != expected).any():
        raise MismatchError("m_axis_tlast is not at the end of each frame")
    return result.words, result.in_cycles, result.out_cycles, result.cycles


def _pysim(design: Design, words: np.ndarray, frames: int, stalls: Stalls,
           progress: Progress | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    from bnnhw.sim.pysim import run_pysim
    return run_pysim(design, words, frames, stalls.input, stalls.output, stalls.seed,
                     patience(design.plan, stalls), progress)


def _cocotb(design: Design, words: np.ndarray, frames: int, stalls: Stalls,
            progress: Progress | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    from bnnhw.sim.cocotb_engine import run_cocotb
    result = run_cocotb(design, words, frames, stalls.input, stalls.output, stalls.seed,
                        patience(design.plan, stalls))
    if progress:
        progress(frames)
    return result


ENGINES = {"verilator": _verilator, "cocotb": _cocotb, "pysim": _pysim}


def simulate(design: Design, x: np.ndarray, engine: str = "verilator", stalls: Stalls | None = None,
             progress: Progress | None = None, *, layout: str | None = None) -> Simulation:
    """Run samples ``x [n, *input.shape]`` through the core.

    ``layout`` may name another order of axes (see ``bnnhw.ir.samples.arrange_samples``).

    Raises
    ------
    MismatchError
        The core locked up, or marked frames wrongly.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine '{engine}' must be one of {', '.join(ENGINES)}")
    if len(x) == 0:
        raise ConfigError("holds no samples", where="input array")
    plan = design.plan
    words = encode_frames(plan, design.graph, design.graph.accept_input(x, layout))
    out, in_cycles, out_cycles, cycles = ENGINES[engine](design, words, len(x), stalls or Stalls(),
                                                         progress)
    return Simulation(decode_frames(plan, design.graph, out), in_cycles, out_cycles, cycles,
                      (plan.i.words, plan.o.words))
