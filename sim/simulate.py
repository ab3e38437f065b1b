"""Simulates a generated design on any engine: samples in, outputs and exact cycles out."""

from __future__ import annotations

import numpy as np

from bnnhw.arch.simulation import Engine, Progress, Run, Stalls, StreamCore, Trace
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError

__all__ = ["ENGINES", "VERILATOR", "VERILOG_ENGINES", "Cocotb", "Pysim", "Verilator", "simulate"]


class Verilator:
    """Emitted Verilog, compiled by Verilator: the fastest engine."""

    name = "verilator"
    reads_verilog = True

    def run(self, core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
            progress: Progress | None) -> Trace:
        from bnnhw.sim.batch import run_core
        from bnnhw.sim.levels import explained

        trace = run_core(core, words, out_words, stalls, progress)
        return trace if trace.complete else explained(core, words, trace)


class Cocotb:
    """Emitted Verilog under cocotb, which also checks the handshakes in every cycle."""

    name = "cocotb"
    reads_verilog = True

    def run(self, core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
            progress: Progress | None) -> Trace:
        from bnnhw.sim.cocotb_engine import run_cocotb

        trace = run_cocotb(core, words, out_words, stalls)
        if progress:
            progress(out_words)
        return trace


class Pysim:
    """The Amaranth component in Amaranth's simulator: slow, and independent of the Verilog."""

    name = "pysim"
    reads_verilog = False

    def run(self, core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
            progress: Progress | None) -> Trace:
        from bnnhw.sim.pysim import run_pysim

        return run_pysim(core, words, out_words, stalls, progress)


VERILATOR = Verilator()
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (VERILATOR, Cocotb(), Pysim())}
VERILOG_ENGINES = tuple(name for name, engine in ENGINES.items() if engine.reads_verilog)


def simulate(design: Design, x: np.ndarray, engine: str = "verilator", stalls: Stalls | None = None,
             progress: Progress | None = None, *, layout: str | None = None) -> Run:
    """Run samples through the hardware of a design.

    Parameters
    ----------
    design : Design
    x : array [n, *input.shape]
        Samples in the model's own integers, channels last.
    engine : str
        A key of ``ENGINES``.
    stalls : Stalls or None
        Random stalls on both streams; None for no stalls.
    progress : callable or None
        Receives the number of frames that were completed since its last call.
    layout : str or None
        Another order of the axes of ``x`` (see ``bnnhw.ir.samples.arrange_samples``).

    Returns
    -------
    Run
        Outputs and measured cycles; the class depends on the architecture.

    Raises
    ------
    ConfigError
        There are no samples, or the engine cannot run this architecture.
    MismatchError
        The hardware locks up, or breaks the protocol of its streams.
    """
    arch = design.architecture
    if engine not in arch.engines:
        raise ConfigError(f"engine '{engine}' cannot run architecture '{arch.name}'",
                          where="simulate", hint=f"use one of {', '.join(arch.engines)}")
    if len(x) == 0:
        raise ConfigError("the array has no samples", where="input array")
    x = design.graph.accept_input(x, layout)
    return arch.simulate(design, x, ENGINES[engine], stalls or Stalls(), progress)
