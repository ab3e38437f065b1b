"""Compares outputs of hardware with those of the golden model: which frames differ, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import MismatchError
from bnnhw.ir import Graph

__all__ = ["Mismatch", "count_mismatches", "differing_frames", "first_mismatch",
           "outputs_error"]

Outputs = Mapping[str, np.ndarray]
"""Arrays ``[n, ...]`` by name of the output."""


@dataclass(frozen=True)
class Mismatch:
    """The first value of an output that differs from the golden model.

    Attributes
    ----------
    frame : int
    output : str
    index : tuple of int
        Position in the output of one frame.
    channel : int
        The same position in the flat output of one frame.
    golden, hardware : int
        Both values.
    """

    frame: int
    output: str
    index: tuple[int, ...]
    channel: int
    golden: int
    hardware: int

    def __str__(self) -> str:
        index = f"{list(self.index)}" if self.index else ""
        return (f"frame {self.frame}, output '{self.output}'{index}: golden {self.golden}, "
                f"hardware {self.hardware}")


def differing_frames(expected: Outputs, found: Outputs) -> np.ndarray:
    """Whether any output of each frame differs: bool ``[n]``."""
    return np.any([(expected[name] != found[name]).reshape(len(expected[name]), -1).any(axis=1)
                   for name in expected], axis=0)


def count_mismatches(expected: Outputs, found: Outputs) -> int:
    """Count the frames of which any output differs."""
    return int(differing_frames(expected, found).sum())


def first_mismatch(expected: Outputs, found: Outputs) -> Mismatch | None:
    """Find the first value that differs: in the first such frame, of the first such output."""
    frames = differing_frames(expected, found)
    if not frames.any():
        return None
    frame = int(frames.argmax())
    for name, values in expected.items():
        wrong = values[frame] != found[name][frame]
        if wrong.any():
            channel = int(np.argmax(wrong))
            index = tuple(int(k) for k in np.unravel_index(channel, wrong.shape))
            return Mismatch(frame, name, index, channel, int(values[(frame, *index)]),
                            int(found[name][(frame, *index)]))
    raise AssertionError("a frame that differs has an output that does")


def outputs_error(graph: Graph, first: Mismatch, mismatches: int, frames: int, *,
                  result: object, remark: str = "") -> MismatchError:
    """Describe outputs that differ from the golden model.

    Parameters
    ----------
    graph : Graph
        The network that the hardware computes.
    first : Mismatch
        From ``first_mismatch``.
    mismatches, frames : int
        Frames that differ, and all frames.
    result : object
        The run, for ``error.result``.
    remark : str
        A clause about what is correct.
    """
    layer = dict(graph.outputs)[first.output]
    end = f"; {remark}" if remark else ""
    return MismatchError(
        f"{mismatches} of {frames} frames differ from the golden model; first at {first} "
        f"(layer '{layer}'){end}", result=result, layer=layer, frame=first.frame,
        channel=first.channel)
