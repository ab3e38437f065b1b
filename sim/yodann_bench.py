"""Cocotb tests of the YodaNN core: behaviour after a reset, and misplaced ``tlast``."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject
from cocotb.triggers import ReadOnly, RisingEdge

__all__ = ["reset_in_mid_job", "wrong_tlast"]


def _job() -> tuple[list[int], list[int], int]:
    """Read input words, expected output words, and the cycles after which the core is silent."""
    folder = Path(os.environ["BNNHW_JOB"])
    words = []
    for name in ("job", "expected"):
        with np.load(folder / f"{name}.npz") as arrays:
            words.append([int.from_bytes(w.tobytes(), "little") for w in arrays["words"]])
    return words[0], words[1], json.loads((folder / "job.json").read_text())["patience"]


async def _reset(dut: HierarchyObject) -> None:
    dut.s_axis_tvalid.value = dut.m_axis_tready.value = dut.s_axis_tlast.value = 0
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0


async def _run(dut: HierarchyObject, words: list[int], total: int, limit: int,
               chance: random.Random, last: int) -> list[int]:
    """Send words, with ``tlast`` at word ``last``, for ``limit`` cycles or ``total`` results."""
    taken: list[int] = []
    sent = 0
    for _ in range(limit):
        dut.s_axis_tvalid.value = int(sent < len(words))
        dut.s_axis_tdata.value = words[min(sent, len(words) - 1)]
        dut.s_axis_tlast.value = int(sent == last)
        ready = chance.random() < 0.7
        dut.m_axis_tready.value = int(ready)
        await ReadOnly()
        if sent < len(words) and dut.s_axis_tready.value == 1:
            sent += 1
        if ready and dut.m_axis_tvalid.value == 1:
            taken.append(dut.m_axis_tdata.value.to_unsigned())
        await RisingEdge(dut.clk)
        if len(taken) == total:
            break
    return taken


@cocotb.test()
async def reset_in_mid_job(dut: HierarchyObject) -> None:
    """After one cycle of reset at any time the next job is correct."""
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    words, expected, patience = _job()
    chance = random.Random(3)
    await _reset(dut)
    for _ in range(5):
        await _run(dut, words, len(expected), chance.randrange(1, 2 * len(words)), chance, -1)
        await _reset(dut)
        taken = await _run(dut, words, len(expected), patience, chance, len(words) - 1)
        assert taken == expected, "results after a reset are wrong"
        assert dut.frame_error.value == 0
        await _reset(dut)


@cocotb.test()
async def wrong_tlast(dut: HierarchyObject) -> None:
    """A ``tlast`` inside a job sets ``frame_error`` until reset."""
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    words, expected, patience = _job()
    await _reset(dut)
    for position in (0, len(words) // 2, len(words) - 2):
        taken = await _run(dut, words, len(expected), patience, random.Random(4), position)
        assert taken == expected
        assert dut.frame_error.value == 1, f"tlast at word {position} did not set frame_error"
        await _reset(dut)
        await RisingEdge(dut.clk)
        assert dut.frame_error.value == 0, "reset did not clear frame_error"
