"""Data that architectures exchange with simulators: the core, its words, cycles and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.errors import ConfigError
from bnnhw.ir import Graph

__all__ = ["BufferSignal", "Engine", "Generated", "Port", "Probes", "Progress", "Run", "Stalls",
           "StreamCore", "Table", "Tap", "Trace"]

Progress = Callable[[int], None]
"""Receives how many more words or frames are done."""


@dataclass(frozen=True)
class Stalls:
    """Random stalls on both streams of a core.

    Parameters
    ----------
    input : float
        Probability of an idle cycle before an input word; at least 0 and less than 1.
    output : float
        Probability of a cycle in which the receiver is not ready; at least 0 and less than 1.
    seed : int
        Seed of the random generator; equal seeds give equal stalls.

    Raises
    ------
    ConfigError
        A probability is out of range.
    """

    input: float = 0.0
    output: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"the probability of {name} stalls is {getattr(self, name)}; it "
                                  "must be at least 0 and less than 1")

    @property
    def any(self) -> bool:
        """Whether any cycle can stall."""
        return self.input > 0 or self.output > 0

    def patience(self, silence_cycles: int) -> int:
        """Cycles without any transfer after which a core counts as locked up.

        Parameters
        ----------
        silence_cycles : int
            Cycles for which a correct core can be silent without stalls.
        """
        return int(4 * silence_cycles / ((1 - self.input) * (1 - self.output))) + 1000


@dataclass(frozen=True)
class Port:
    """One AXI4-Stream of a core.

    Parameters
    ----------
    bytes : int
        Bytes of ``tdata``.
    words : int
        Words of a frame; ``tlast`` marks the last one.
    """

    bytes: int
    words: int


@dataclass(frozen=True)
class Tap:
    """A stream inside the top module that carries the output of a layer.

    Its signals are ``PREFIX_o_valid``, ``PREFIX_o_ready`` and ``PREFIX_o_payload``.
    """

    layer: str
    prefix: str
    stream: StreamPlan


@dataclass(frozen=True)
class BufferSignal:
    """A buffer inside the core: its unit, its planned depth, and the signal with its fill level."""

    unit: str
    depth: int

    @property
    def signal(self) -> str:
        """Name of the signal in the top module."""
        return f"{self.unit}_held"


@dataclass(frozen=True)
class Probes:
    """The streams and buffers inside a core that simulators record to locate errors.

    Parameters
    ----------
    taps : tuple of Tap
        Streams that carry the output of a layer.
    buffers : tuple of BufferSignal
        Buffers with their fill levels.
    streams : tuple of str
        Signal prefixes of all streams: ``PREFIX_valid`` and ``PREFIX_ready``.
    """

    taps: tuple[Tap, ...] = ()
    buffers: tuple[BufferSignal, ...] = ()
    streams: tuple[str, ...] = ()


@dataclass(frozen=True)
class StreamCore:
    """A generated core as simulators drive it: one input stream, one output stream.

    Parameters
    ----------
    top : str
        Name of the top module.
    verilog : str
        Emitted Verilog.
    component : callable
        Makes the Amaranth component, for simulation without Verilog.
    i, o : Port
        ``s_axis`` and ``m_axis``.
    silence_cycles : int
        Cycles for which a correct core can be silent when nothing stalls it.
    probes : Probes
        What can be recorded inside the core.
    """

    top: str
    verilog: str
    component: Callable[[], Any]
    i: Port
    o: Port
    silence_cycles: int
    probes: Probes = Probes()


@dataclass(frozen=True)
class Trace:
    """What came out of a core, with the cycle of every word.

    Attributes
    ----------
    words : uint8 [out_words, bytes]
        Output words.
    last : uint8 [out_words]
        ``tlast`` of each output word.
    in_cycles, out_cycles : int64
        Cycle in which each word was transferred, counted from the end of reset; -1 for a word that
        was not transferred.
    cycles : int
        Simulated cycles.
    complete : bool
        Whether all output words arrived; a core that falls silent gives fewer.
    frame_error : bool
        The core's output ``frame_error`` at the end.
    explanation : str
        For a core that fell silent: which streams wait and which buffers are full.
    """

    words: np.ndarray
    last: np.ndarray
    in_cycles: np.ndarray
    out_cycles: np.ndarray
    cycles: int
    complete: bool = True
    frame_error: bool = False
    explanation: str = field(default="", kw_only=True)

    @property
    def received(self) -> int:
        """Output words that arrived."""
        return int((self.out_cycles >= 0).sum())


class Engine(Protocol):
    """A simulator: it sends words through a core and records every transfer."""

    @property
    def name(self) -> str:
        """Name under which users choose it."""

    @property
    def reads_verilog(self) -> bool:
        """Whether it simulates the emitted Verilog, not the component that this is made from."""

    def run(self, core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls,
            progress: Progress | None) -> Trace:
        """Send ``words`` (uint8 ``[n, bytes]``) and collect ``out_words`` output words.

        Parameters
        ----------
        core : StreamCore
        words : uint8 [n, core.i.bytes]
            Input words in order.
        out_words : int
            Output words to wait for.
        stalls : Stalls
        progress : callable or None
            Receives the number of output words that arrived since its last call.
        """


class Generated(Protocol):
    """A generated design: the graph after the passes, its plan, and its Verilog."""

    @property
    def graph(self) -> Graph: ...

    @property
    def plan(self) -> Any: ...

    @property
    def verilog(self) -> str: ...


@dataclass(frozen=True)
class Table:
    """A table to print: heading, column headings, rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Run:
    """Result of a simulation. Architectures extend it with what they measure.

    Attributes
    ----------
    outputs : dict of int64 arrays
        Outputs of the network, as the golden model gives them.
    cycles : int
        Simulated cycles.
    """

    outputs: dict[str, np.ndarray]
    cycles: int

    @property
    def checked(self) -> str:
        """What else the simulation found correct than the outputs, as a clause, or empty."""
        return ""

    def figures(self) -> dict[str, object]:
        """Entries of the JSON document of ``simulate``: measured and planned cycles."""
        return {}

    def tables(self) -> list[Table]:
        """Tables to print before the summary."""
        return []

    def lines(self, stalled: bool) -> list[str]:
        """Sentences that compare measured with planned cycles.

        Parameters
        ----------
        stalled : bool
            Random stalls were simulated, so that cycles differ from the plan.
        """
        return []
