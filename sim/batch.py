"""Runs arrays of words through a compiled core, and records the cycle of every transfer."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bnnhw.arch.simulation import Progress, Stalls, StreamCore, Tap, Trace
from bnnhw.sim.build import TapSource, build_model

__all__ = ["BatchResult", "run_batch", "run_core"]

CALL_SECONDS = 0.1
"""Approximate duration of a call into the compiled core, in seconds. Progress is reported, and
Ctrl-C is handled, between calls."""
FIRST_CYCLES = 1000
"""Cycles of the first call."""
_MORE = 2


class _Tap(ctypes.Structure):
    _fields_ = [("words", ctypes.c_void_p), ("count", ctypes.c_int64), ("limit", ctypes.c_int64)]


class _Job(ctypes.Structure):
    _fields_ = [
        ("in_", ctypes.c_void_p), ("in_words", ctypes.c_int64),
        ("out", ctypes.c_void_p), ("out_words", ctypes.c_int64),
        ("in_cycles", ctypes.c_void_p), ("out_cycles", ctypes.c_void_p),
        ("out_last", ctypes.c_void_p), ("taps", ctypes.POINTER(_Tap)),
        ("marks", ctypes.c_void_p), ("pace", ctypes.c_int64),
        ("seed", ctypes.c_uint64), ("in_stall", ctypes.c_uint32), ("out_stall", ctypes.c_uint32),
        ("patience", ctypes.c_int64), ("cycles", ctypes.c_int64), ("in_done", ctypes.c_int64),
        ("out_done", ctypes.c_int64), ("frame_error", ctypes.c_uint8),
    ]


def _chance(probability: float) -> int:
    """A probability in units of 1/65536, rounded so that only 0 becomes 0."""
    return max(round(probability * 65536), 1) if probability > 0 else 0


@dataclass(frozen=True)
class BatchResult(Trace):
    """What came out of the core, and what was recorded inside it.

    Attributes
    ----------
    taps : list of uint8 [words, bytes]
        Words of each tapped stream.
    marks : int64 [signals, 2]
        Highest and last value of each recorded signal.
    """

    taps: list[np.ndarray] = field(default_factory=list)
    marks: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))


def run_core(core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
             progress: Progress | None = None, *, taps: Sequence[Tap] = (), tap_frames: int = 0,
             marks: Sequence[str] = (), pace: int = 0) -> BatchResult:
    """Compile a core and run words through it.

    Parameters
    ----------
    core : StreamCore
    words : uint8 [n, core.i.bytes]
    out_words : int
        Output words to wait for.
    stalls : Stalls
    progress : callable or None
        As for ``run_batch``.
    taps : sequence of Tap
        Streams to record, ``tap_frames`` frames of each.
    marks : sequence of str
        Signals of the top module of which the highest and last value are recorded.
    pace : int
        As for ``run_batch``.
    """
    library = build_model(core.verilog, core.top, core.i.bytes, core.o.bytes, core.i.words,
                          [TapSource(tap.prefix, tap.stream.bytes) for tap in taps], marks)
    return run_batch(
        library, words, out_words, core.o.bytes,
        tap_sizes=[(tap_frames * tap.stream.words, tap.stream.bytes) for tap in taps],
        seed=stalls.seed, in_stall=stalls.input, out_stall=stalls.output,
        patience=stalls.patience(core.silence_cycles), marks=len(marks), pace=pace,
        progress=progress)


def run_batch(library: Path, words: np.ndarray, out_words: int, out_bytes: int, *,
              tap_sizes: Sequence[tuple[int, int]] = (), seed: int = 1, in_stall: float = 0.0,
              out_stall: float = 0.0, patience: int = 1 << 22, marks: int = 0,
              pace: int = 0, progress: Callable[[int], None] | None = None) -> BatchResult:
    """Send ``words`` through a model and collect ``out_words`` words.

    Parameters
    ----------
    library : Path
        Result of ``build_model``.
    words : uint8 [n, bytes]
        Input words in order.
    out_words, out_bytes : int
    tap_sizes : sequence of (words, bytes)
        Largest number of words, and bytes per word, of each tap of the model.
    seed : int
        Seed of the random stalls.
    in_stall, out_stall : float
        Probability of an idle cycle before a word, and of a cycle without ``tready``; less than 1.
    patience : int
        Cycles without any transfer after which the core counts as locked up.
    marks : int
        Number of recorded signals of the model.
    pace : int
        Cycles over which the words of a frame are offered evenly; 0 offers them without a pause.
    progress : callable or None
        Receives the number of output words that arrived since its last call. It does not influence
        the simulation.
    """
    words = np.ascontiguousarray(words, dtype=np.uint8)
    out = np.zeros((out_words, out_bytes), dtype=np.uint8)
    last = np.zeros(out_words, dtype=np.uint8)
    in_cycles = np.full(len(words), -1, dtype=np.int64)
    out_cycles = np.full(out_words, -1, dtype=np.int64)
    highest = np.zeros((max(1, marks), 2), dtype=np.int64)
    recorded = [np.zeros(size, dtype=np.uint8) for size in tap_sizes]
    taps = (_Tap * max(1, len(recorded)))(*(
        _Tap(buffer.ctypes.data, 0, len(buffer)) for buffer in recorded))
    job = _Job(in_=words.ctypes.data, in_words=len(words), out=out.ctypes.data,
               out_words=out_words, in_cycles=in_cycles.ctypes.data,
               out_cycles=out_cycles.ctypes.data, out_last=last.ctypes.data, taps=taps,
               marks=highest.ctypes.data, pace=pace, seed=seed,
               in_stall=_chance(in_stall), out_stall=_chance(out_stall), patience=patience)
    complete = _run(ctypes.CDLL(str(library)), job, progress)
    return BatchResult(out, last, in_cycles, out_cycles, job.cycles, complete,
                       bool(job.frame_error),
                       taps=[buffer[:taps[k].count] for k, buffer in enumerate(recorded)],
                       marks=highest[:marks])


def _run(core: ctypes.CDLL, job: _Job, progress: Callable[[int], None] | None) -> bool:
    """Run to the end, in calls of similar duration; returns whether all words arrived."""
    core.bnnhw_begin.restype = ctypes.c_void_p
    core.bnnhw_step.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    core.bnnhw_end.argtypes = [ctypes.c_void_p]
    run = core.bnnhw_begin(ctypes.byref(job))
    try:
        state, cycles, received = _MORE, FIRST_CYCLES, 0
        while state == _MORE:
            begin = time.perf_counter()
            state = core.bnnhw_step(run, cycles)
            took = time.perf_counter() - begin
            # At most ten times as many, since the first call also fills the processor's caches.
            cycles = max(1, int(cycles * min(CALL_SECONDS / max(took, 1e-9), 10)))
            if progress is not None and job.out_done > received:
                progress(job.out_done - received)
            received = job.out_done
    finally:
        core.bnnhw_end(run)
    return bool(state == 0)
