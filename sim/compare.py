"""Finds the first layer of a simulated design that differs from the golden model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw import golden
from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import Design
from bnnhw.golden.layout import stream_values
from bnnhw.plan.frames import encode_frames
from bnnhw.sim.batch import run_core

__all__ = ["Difference", "first_difference"]


@dataclass(frozen=True)
class Difference:
    """The first value of a layer that differs from the golden model.

    Attributes
    ----------
    layer : str
    frame, channel : int
    golden : int
        Value of the golden model.
    hardware : int or None
        Value of the hardware; None where the hardware gave none.
    """

    layer: str
    frame: int
    channel: int
    golden: int
    hardware: int | None

    def __str__(self) -> str:
        found = "nothing" if self.hardware is None else str(self.hardware)
        return (f"layer '{self.layer}', frame {self.frame}, channel {self.channel}: "
                f"golden {self.golden}, hardware {found}")


def first_difference(design: Design, x: np.ndarray, frames: int) -> Difference | None:
    """Find the first layer that is wrong in the first ``frames`` samples.

    Every stream that carries a layer's output is recorded. The earliest frame that is wrong in any
    layer is reported, at its first wrong layer.

    Returns
    -------
    Difference or None
        None where no recorded stream differs, or where the architecture has none to record.
    """
    core, taps = design.core, design.core.probes.taps
    if not taps:
        return None
    # Two frames more: the last result can be emitted before a layer has computed what no output
    # needs.
    sent = np.concatenate([x[:frames], x[:1], x[:1]])
    result = run_core(core, encode_frames(design.plan, design.graph, sent),
                      len(sent) * core.o.words, Stalls(), taps=taps, tap_frames=frames)
    values = golden.run_all(design.graph, x[:frames])
    found: list[Difference] = []
    for tap, words in zip(taps, result.taps, strict=True):
        stream = tap.stream
        expected = values[tap.layer].reshape(frames, -1)
        complete = len(words) // stream.words
        got = stream_values(
            words[:complete * stream.words].reshape(complete * stream.groups, -1, stream.bytes),
            stream.elements, stream.lanes, stream.width, stream.signed).reshape(complete, -1)
        wrong = np.argwhere(expected[:complete] != got)
        if len(wrong):
            frame, channel = (int(v) for v in wrong[0])
            found.append(Difference(tap.layer, frame, channel, int(expected[frame, channel]),
                                    int(got[frame, channel])))
        elif complete < frames:
            found.append(Difference(tap.layer, complete, 0, int(expected[complete, 0]), None))
    return min(found, key=lambda d: d.frame, default=None)
