"""Amaranth's own simulator on the Component: slow, and independent of the emitted Verilog."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from bnnhw.arch import get_arch
from bnnhw.emit.design import Design
from bnnhw.errors import MismatchError

__all__ = ["run_pysim"]


def run_pysim(design: Design, words: np.ndarray, frames: int, in_stall: float, out_stall: float,
              seed: int, patience: int, progress: Callable[[int], None] | None = None,
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Run frames through the Component; arguments and results as in ``simulate``."""
    plan = design.plan
    top: Any = get_arch(plan.arch).elaborate(plan, design.graph)
    total = frames * plan.o.words
    out = np.zeros((total, plan.o.bytes), dtype=np.uint8)
    in_cycles = np.full(len(words), -1, dtype=np.int64)
    out_cycles = np.full(total, -1, dtype=np.int64)
    state = {"cycles": 0}

    async def testbench(ctx: Any) -> None:
        in_random, out_random = random.Random(2 * seed), random.Random(2 * seed + 1)
        sent = received = cycle = quiet = 0
        offered = False
        while received < total and quiet < patience:
            if not offered and sent < len(words) and in_random.random() >= in_stall:
                ctx.set(top.s_axis_tdata, int.from_bytes(words[sent].tobytes(), "little"))
                ctx.set(top.s_axis_tlast, (sent + 1) % plan.i.words == 0)
                offered = True
            ctx.set(top.s_axis_tvalid, offered)
            ready = out_random.random() >= out_stall
            ctx.set(top.m_axis_tready, ready)
            quiet += 1
            if offered and ctx.get(top.s_axis_tready):
                in_cycles[sent] = cycle
                sent, offered, quiet = sent + 1, False, 0
            if ready and ctx.get(top.m_axis_tvalid):
                data = int(ctx.get(top.m_axis_tdata)).to_bytes(plan.o.bytes, "little")
                out[received] = np.frombuffer(data, np.uint8)
                out_cycles[received] = cycle
                if bool(ctx.get(top.m_axis_tlast)) != ((received + 1) % plan.o.words == 0):
                    raise MismatchError("m_axis_tlast is not at the end of each frame")
                received, quiet = received + 1, 0
                if progress and received % plan.o.words == 0:
                    progress(1)
            await ctx.tick()
            cycle += 1
        if received < total:
            raise MismatchError(f"the core fell silent after {received} of {total} output words")
        state["cycles"] = cycle

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
    return out, in_cycles, out_cycles, state["cycles"]
