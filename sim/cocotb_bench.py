"""Cocotb tests of an emitted top module; ``BNNHW_JOB`` names the folder with their data."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import NamedTuple

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject
from cocotb.triggers import ReadOnly, RisingEdge

__all__ = ["batch", "protocol", "reset_in_mid_frame"]


class _Received(NamedTuple):
    """Words that a core gave, with the cycle of each transfer, and the cycles that it took."""

    words: list[int]
    in_cycles: list[int]
    out_cycles: list[int]
    cycles: int


class _Core:
    """Drives both streams of a core, cycle by cycle, with random stalls."""

    def __init__(self, dut: HierarchyObject) -> None:
        self.dut = dut
        self.folder = Path(os.environ["BNNHW_JOB"])
        self.job = json.loads((self.folder / "job.json").read_text())
        with np.load(self.folder / "job.npz") as arrays:
            self.words = [int.from_bytes(w.tobytes(), "little") for w in arrays["words"]]
        self.cycle = 0

    async def reset(self) -> None:
        dut = self.dut
        dut.s_axis_tvalid.value = 0
        dut.s_axis_tlast.value = 0
        dut.s_axis_tdata.value = 0
        dut.m_axis_tready.value = 0
        dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0

    async def run(self, words: list[int], total: int, in_stall: float, out_stall: float,
                  seed: int, limit: int | None = None, frame: int = 0) -> _Received:
        """Send ``words`` and receive ``total`` words, or stop after ``limit`` cycles.

        ``tlast`` is set on every ``frame``-th word; 0 stands for the frame of the core. The test
        checks in every cycle that a word does not change until it is transferred.
        """
        dut, job = self.dut, self.job
        in_random, out_random = random.Random(2 * seed), random.Random(2 * seed + 1)
        taken: list[int] = []
        in_cycles: list[int] = []
        out_cycles: list[int] = []
        held: tuple[int, int] | None = None
        sent = cycle = quiet = 0
        offered = False
        while len(taken) < total and (limit is None or cycle < limit):
            if not offered and sent < len(words) and in_random.random() >= in_stall:
                dut.s_axis_tdata.value = words[sent]
                dut.s_axis_tlast.value = int((sent + 1) % (frame or job["in_words"]) == 0)
                offered = True
            dut.s_axis_tvalid.value = int(offered)
            ready = out_random.random() >= out_stall
            dut.m_axis_tready.value = int(ready)
            await ReadOnly()
            quiet += 1
            if offered and dut.s_axis_tready.value == 1:
                in_cycles.append(cycle)
                sent, offered, quiet = sent + 1, False, 0
            valid = dut.m_axis_tvalid.value == 1
            assert valid or held is None, f"cycle {cycle}: m_axis_tvalid fell before a transfer"
            if valid:
                word = (dut.m_axis_tdata.value.to_unsigned(), int(dut.m_axis_tlast.value))
                assert held in (None, word), f"cycle {cycle}: m_axis changed while stalled"
                held = None if ready else word
                if ready:
                    last = (len(taken) + 1) % job["out_words"] == 0
                    assert word[1] == int(last), f"word {len(taken)}: m_axis_tlast is {word[1]}"
                    taken.append(word[0])
                    out_cycles.append(cycle)
                    quiet = 0
            assert quiet < job["patience"], f"the core fell silent after {len(taken)} words"
            await RisingEdge(dut.clk)
            cycle += 1
        assert limit is not None or dut.frame_error.value == 0, "frame_error is set"
        return _Received(taken, in_cycles, out_cycles, cycle)


async def _start(dut: HierarchyObject) -> _Core:
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    core = _Core(dut)
    await core.reset()
    return core


@cocotb.test()
async def batch(dut: HierarchyObject) -> None:
    """Send all input words, and save the output words with their cycles."""
    core = await _start(dut)
    job = core.job
    result = await core.run(core.words, job["frames"] * job["out_words"], job["in_stall"],
                            job["out_stall"], job["seed"])
    size = job["out_bytes"]
    words = np.frombuffer(b"".join(w.to_bytes(size, "little") for w in result.words), np.uint8)
    np.savez(core.folder / "result.npz", words=words.reshape(-1, size),
             in_cycles=result.in_cycles, out_cycles=result.out_cycles,
             cycles=result.cycles)


@cocotb.test()
async def protocol(dut: HierarchyObject) -> None:
    """Outputs are equal without stalls, and with stalls on either or both streams."""
    core = await _start(dut)
    total = core.job["frames"] * core.job["out_words"]
    expected = _expected(core)
    for k, (in_stall, out_stall) in enumerate(((0, 0), (0.5, 0), (0, 0.5), (0.4, 0.6), (0.9, 0.1))):
        result = await core.run(core.words, total, in_stall, out_stall, seed=k)
        assert result.words == expected, f"outputs differ with stalls {in_stall}, {out_stall}"


@cocotb.test()
async def reset_in_mid_frame(dut: HierarchyObject) -> None:
    """After a reset at any time the next frames are correct; a misplaced tlast is reported."""
    core = await _start(dut)
    total = core.job["frames"] * core.job["out_words"]
    expected = _expected(core)
    chance = random.Random(7)
    for k in range(6):
        await core.run(core.words, total, 0.2, 0.3, seed=k, limit=chance.randrange(1, 400))
        await core.reset()
        result = await core.run(core.words, total, 0.1, 0.1, seed=k)
        assert result.words == expected, f"outputs differ after reset {k}"
    if core.job["in_words"] > 1:
        short = core.words[1:core.job["in_words"]]
        await core.reset()
        await core.run(short, 1 << 30, 0, 0, seed=0, limit=len(short) + 4,
                       frame=len(short))
        assert dut.frame_error.value == 1, "a tlast one word early did not set frame_error"
        await core.reset()
        await RisingEdge(dut.clk)
        assert dut.frame_error.value == 0, "reset did not clear frame_error"


def _expected(core: _Core) -> list[int]:
    with np.load(core.folder / "expected.npz") as arrays:
        return [int.from_bytes(w.tobytes(), "little") for w in arrays["words"]]
