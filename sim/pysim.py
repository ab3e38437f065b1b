"""Simulates the Amaranth component in Amaranth's simulator, without the emitted Verilog."""

from __future__ import annotations

import random
import warnings

import numpy as np
from amaranth.sim import Simulator, SimulatorContext

from bnnhw.arch.simulation import Progress, Stalls, StreamCore, Trace

__all__ = ["run_pysim"]


def run_pysim(core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
              progress: Progress | None = None) -> Trace:
    """Run words through the component of a core; arguments as for ``Engine.run``."""
    top = core.component()
    patience = stalls.patience(core.silence_cycles)
    out = np.zeros((out_words, core.o.bytes), dtype=np.uint8)
    last = np.zeros(out_words, dtype=np.uint8)
    in_cycles = np.full(len(words), -1, dtype=np.int64)
    out_cycles = np.full(out_words, -1, dtype=np.int64)
    end = {"cycle": 0, "frame_error": 0}

    async def testbench(ctx: SimulatorContext) -> None:
        in_random, out_random = (random.Random(2 * stalls.seed + k) for k in (0, 1))
        sent = received = cycle = quiet = 0
        offered = False
        while received < out_words and quiet < patience:
            if not offered and sent < len(words) and in_random.random() >= stalls.input:
                ctx.set(top.s_axis_tdata, int.from_bytes(words[sent].tobytes(), "little"))
                ctx.set(top.s_axis_tlast, (sent + 1) % core.i.words == 0)
                offered = True
            ctx.set(top.s_axis_tvalid, offered)
            ready = out_random.random() >= stalls.output
            ctx.set(top.m_axis_tready, ready)
            quiet += 1
            if offered and ctx.get(top.s_axis_tready):
                in_cycles[sent] = cycle
                sent, offered, quiet = sent + 1, False, 0
            if ready and ctx.get(top.m_axis_tvalid):
                data = int(ctx.get(top.m_axis_tdata)).to_bytes(core.o.bytes, "little")
                out[received] = np.frombuffer(data, np.uint8)
                last[received] = ctx.get(top.m_axis_tlast)
                out_cycles[received] = cycle
                received, quiet = received + 1, 0
                if progress:
                    progress(1)
            await ctx.tick()
            cycle += 1
        end.update(cycle=cycle, frame_error=ctx.get(top.frame_error))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()
    return Trace(out, last, in_cycles, out_cycles, end["cycle"], bool((out_cycles >= 0).all()),
                 bool(end["frame_error"]))
