"""Hardware against golden: equal, or the first layer, channel and frame that differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw import golden
from bnnhw.emit.design import Design
from bnnhw.golden.layout import stream_values
from bnnhw.plan import Unit
from bnnhw.plan.frames import encode_frames
from bnnhw.sim.batch import run_batch
from bnnhw.sim.build import TapSource, build_model
from bnnhw.sim.stalls import Stalls, patience

__all__ = ["Difference", "count_mismatches", "first_difference"]


@dataclass(frozen=True)
class Difference:
    """Where hardware first leaves the golden model."""

    layer: str
    frame: int
    channel: int
    golden: int
    hardware: int | None

    def __str__(self) -> str:
        found = "nothing" if self.hardware is None else str(self.hardware)
        return (f"layer '{self.layer}', frame {self.frame}, channel {self.channel}: "
                f"golden {self.golden}, hardware {found}")


def count_mismatches(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> int:
    """Count the frames of which any output differs."""
    wrong = [(expected[k] != found[k]).reshape(len(expected[k]), -1).any(axis=1) for k in expected]
    return int(np.any(wrong, axis=0).sum())


def _tapped(design: Design) -> list[Unit]:
    """For each layer the unit whose output stream is the layer's output, element by element."""
    last = {u.layer: u for u in design.plan.units if u.layer}
    return [u for u in last.values() if u.kind != "argmax"]


def first_difference(design: Design, x: np.ndarray, frames: int) -> Difference | None:
    """Run the first ``frames`` samples with a tap on every layer and compare in order.

    The earliest frame that is wrong in any layer is reported, at its first wrong layer.
    """
    plan, graph = design.plan, design.graph
    units = _tapped(design)
    library = build_model(design.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words,
                          [TapSource(u.name, u.o.bytes) for u in units])
    # Two frames more: the last result can leave before a layer has done what no output needs.
    sent = np.concatenate([x[:frames], x[:1], x[:1]])
    result = run_batch(library, encode_frames(plan, graph, sent), len(sent) * plan.o.words,
                       plan.o.bytes, tap_sizes=[(frames * u.o.words, u.o.bytes) for u in units],
                       patience=patience(plan, Stalls()))
    values = golden.run_all(graph, x[:frames])
    found: list[Difference] = []
    for unit, tap in zip(units, result.taps, strict=True):
        assert unit.layer is not None
        stream = unit.o
        expected = values[unit.layer].reshape(frames, -1)
        whole = len(tap) // unit.o.words
        got = stream_values(
            tap[:whole * stream.words].reshape(whole * stream.groups, -1, stream.bytes),
            stream.elements, stream.lanes, stream.width, stream.signed).reshape(whole, -1)
        wrong = np.argwhere(expected[:whole] != got)
        if len(wrong):
            frame, channel = (int(v) for v in wrong[0])
            found.append(Difference(unit.layer, frame, channel, int(expected[frame, channel]),
                                    int(got[frame, channel])))
        elif whole < frames:
            found.append(Difference(unit.layer, whole, 0, int(expected[whole, 0]), None))
    return min(found, key=lambda d: d.frame, default=None)
