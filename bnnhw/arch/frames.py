"""Shared code of architectures whose hardware reads a stream of frames and emits outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw import golden
from bnnhw.arch.base import Architecture, Image
from bnnhw.arch.rows import Part, Rows
from bnnhw.arch.simulation import (
    BufferSignal,
    Engine,
    Generated,
    Port,
    Probes,
    Progress,
    Run,
    Stalls,
    StreamCore,
    Tap,
    Trace,
)
from bnnhw.arch.top import StreamingTop
from bnnhw.arch.workload import Workload
from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.unit import Unit
from bnnhw.errors import MismatchError
from bnnhw.families import Device
from bnnhw.golden.comparison import differing_frames
from bnnhw.ir import Graph
from bnnhw.json_types import Json
from bnnhw.plan import Plan
from bnnhw.plan.frames import decode_frames, encode_frames
from bnnhw.plan.image import weight_image
from bnnhw.plan.resources import Resources, resources

__all__ = ["FrameArchitecture", "FrameRun"]


@dataclass(frozen=True, repr=False)
class FrameRun(Run):
    """Result of a simulation of frames.

    Attributes
    ----------
    in_cycles, out_cycles : int64
        Cycle in which each word was transferred, counted from the end of reset.
    frame_words : (int, int)
        Input and output words of a frame.
    planned : (int, int)
        Planned cycles per frame and planned latency in cycles.
    """

    in_cycles: np.ndarray
    out_cycles: np.ndarray
    frame_words: tuple[int, int]
    planned: tuple[int, int]

    @property
    def latency(self) -> int:
        """Cycles from the first input word to the last output word of the first frame."""
        return int(self.out_cycles[self.frame_words[1] - 1] - self.in_cycles[0])

    @property
    def ii(self) -> int | None:
        """Cycles between the ends of the last two frames; None with fewer than two frames."""
        ends = self.out_cycles[self.frame_words[1] - 1::self.frame_words[1]]
        return int(ends[-1] - ends[-2]) if len(ends) > 1 else None

    def __repr__(self) -> str:
        frames = len(self.out_cycles) // self.frame_words[1]
        return f"<FrameRun: {frames:,} frames in {self.cycles:,} cycles, ii {self.ii}, " \
               f"latency {self.latency:,}>"

    def figures(self) -> dict[str, object]:
        ii, latency = self.planned
        return {"cycles_per_frame": self.ii, "planned_cycles_per_frame": ii,
                "latency_cycles": self.latency, "planned_latency_cycles": latency}

    def lines(self, stalled: bool) -> list[str]:
        if stalled:
            return ["random stalls were simulated, so cycles per frame and latency differ from "
                    "the plan"]
        ii, latency = self.planned
        return [f"cycles per frame: {self.ii} (plan {ii}), latency: {self.latency} "
                f"(plan {latency})"]


class FrameArchitecture(Architecture[Plan]):
    """Architectures whose plan is a ``Plan``: units that are joined by streams."""

    engines = ("verilator", "cocotb", "pysim")
    host_links = ("uart",)

    def describe(self, plan: Plan) -> Rows:
        return Rows(
            f"{plan.name}: {plan.arch} on {plan.device}",
            ("unit", "kind", "PE x SIMD", "cycles", "busy", "first in", "last out", "memory"),
            tuple(_row(plan, unit) for unit in plan.units),
            f"{plan.ii} cycles per frame, latency {plan.latency} cycles",
            plan.ii, parts=tuple(Part(u.name, u.kind, u.products_per_cycle) for u in plan.units),
            header=_header(plan), manifest=_manifest(plan),
            summary={"cycles_per_frame": plan.ii, "target_cycles_per_frame": plan.target_cycles,
                     "latency_cycles": plan.latency})

    def elaborate(self, plan: Plan, graph: Graph) -> StreamingTop:
        return StreamingTop(plan, graph)

    def load_plan(self, data: Json) -> Plan:
        return Plan.from_json(data)

    def images(self, plan: Plan, graph: Graph) -> dict[str, Image]:
        image = weight_image(plan, graph)
        return {} if image is None else {"weights": image}

    def resources(self, plan: Plan, device: Device) -> Resources | None:
        return resources(plan, device)

    def core(self, design: Generated) -> StreamCore:
        plan: Plan = design.plan
        return StreamCore(
            plan.name, design.verilog, lambda: self.elaborate(plan, design.graph),
            Port(plan.i.bytes, plan.i.words), Port(plan.o.bytes, plan.o.words),
            plan.ii + plan.latency, _probes(plan))

    def workloads(self, design: Generated, x: np.ndarray) -> list[Workload]:
        plan, graph = design.plan, design.graph
        expected = golden.run(graph, x)

        def differing(words: np.ndarray) -> np.ndarray:
            return differing_frames(expected, decode_frames(plan, graph, words))

        period = max(plan.ii, plan.i.words, plan.o.words)
        return [Workload("", self.core(design), encode_frames(plan, graph, x),
                         (plan.latency, period), 1, self.products_per_frame(plan, graph),
                         differing)]

    def simulate(self, design: Generated, x: np.ndarray, engine: Engine, stalls: Stalls,
                 progress: Progress | None) -> FrameRun:
        plan: Plan = design.plan
        core = self.core(design)
        trace = engine.run(core, encode_frames(plan, design.graph, x), len(x) * plan.o.words,
                           stalls, _by_frames(progress, plan.o.words))
        check_frames(trace, core)
        return FrameRun(decode_frames(plan, design.graph, trace.words), trace.cycles,
                        trace.in_cycles, trace.out_cycles, (plan.i.words, plan.o.words),
                        (plan.ii, plan.latency))


def _probes(plan: Plan) -> Probes:
    """Streams and buffers of a plan that simulators can record."""
    last = {unit.layer: unit for unit in plan.units if unit.layer}
    return Probes(
        tuple(Tap(layer, unit.name, unit.o) for layer, unit in last.items()
              if layer is not None and unit.params.emits_elements),
        tuple(BufferSignal(unit, depth) for unit, depth in plan.buffer_depths().items()),
        tuple(f"{unit.name}_{port}" for unit in plan.units[1:-1] for port in unit.out_ports))


def check_frames(trace: Trace, core: StreamCore) -> None:
    """Check that all words arrived and that every frame ends where it should.

    Raises
    ------
    MismatchError
        The core fell silent, reported an error, or marked the end of a frame wrongly.
    """
    if not trace.complete:
        raise MismatchError(f"the core fell silent after {trace.received} of {len(trace.words)} "
                            f"output words; {trace.explanation}")
    if trace.frame_error:
        raise MismatchError("the core reports frame_error, although every frame was complete")
    expected = np.arange(len(trace.last)) % core.o.words == core.o.words - 1
    if (trace.last != expected).any():
        raise MismatchError("m_axis_tlast is not at the end of each frame")


def _by_frames(progress: Progress | None, words_per_frame: int) -> Progress | None:
    """Progress in words, given to a callback that counts frames."""
    if progress is None:
        return None
    done = 0

    def report(words: int) -> None:
        nonlocal done
        before, done = done // words_per_frame, done + words
        if done // words_per_frame > before:
            progress(done // words_per_frame - before)

    return report


def _row(plan: Plan, unit: Unit) -> tuple[object, ...]:
    """One row of the plan's table."""
    spans = {name: (first, last) for name, first, last in plan.spans}
    first, last = spans.get(unit.name, ("", ""))
    return (unit.name, unit.kind, unit.folding, unit.cycles, f"{unit.cycles / plan.ii:.0%}", first,
            last, _memory(unit))


def _memory(unit: Unit) -> str:
    """What a unit stores, and in which kind of memory."""
    parts = []
    for memory in unit.memories():
        if memory.what in ("queue", "scales") and not isinstance(unit.params, BufferParams):
            continue
        where = "" if memory.style in ("auto", "constant") else f" {memory.style}"
        if memory.depth > 1:
            parts.append(f"{memory.what} {memory.depth}x{memory.width}{where}")
    if len(set(parts)) == 1 and len(parts) > 1:
        return f"{len(parts)} {parts[0]}"
    return ", ".join(parts)


def _header(plan: Plan) -> tuple[str, ...]:
    lines = [f"{plan.ii} cycles per frame, latency {plan.latency} cycles", ""]
    for unit in plan.units:
        facts = ", ".join(f"{k} {v}" for k, v in unit.summary().items() if v != "")
        lines.append(f"{unit.name}: {unit.kind}{', ' + facts if facts else ''}")
    return tuple(lines)


def _manifest(plan: Plan) -> dict[str, object]:
    return {
        "input": {
            "port": "s_axis", "bytes_a_word": plan.i.bytes, "words_a_frame": plan.i.words,
            "elements": plan.i.elements, "lanes": plan.i.lanes, "bits_a_lane": plan.i.width,
            "signed": plan.i.signed, "order": "lane 0 in the lowest bits, element 0 first",
        },
        "output": {
            "port": "m_axis", "bytes_a_word": plan.o.bytes, "words_a_frame": plan.o.words,
            "fields": [{
                "name": f.name, "elements": f.elements, "lanes": f.lanes,
                "bits_a_lane": f.width, "signed": f.signed, "first_bit": f.first_bit,
                "words": "last" if f.last_only else "all",
            } for f in plan.fields],
        },
        "cycles_a_frame": plan.ii,
        "latency_cycles": plan.latency,
        "layers": [{"unit": u.name, "kind": u.kind, "layer": u.layer, "cycles": u.cycles,
                    **u.summary()} for u in plan.units],
    }
