"""Tests the comparison with the golden model, for simulation, boards and job cores."""

from __future__ import annotations

import numpy as np

from bnnhw.golden.comparison import (
    Mismatch,
    count_mismatches,
    differing_frames,
    first_mismatch,
    outputs_error,
)
from tests.networks import random_graph

EXPECTED = {"scores": np.arange(24).reshape(3, 2, 4), "label": np.array([1, 2, 3])}


def changed(**at: tuple[int, ...]) -> dict[str, np.ndarray]:
    found = {name: values.copy() for name, values in EXPECTED.items()}
    for name, index in at.items():
        found[name][index] += 100
    return found


def test_equal_outputs() -> None:
    assert count_mismatches(EXPECTED, changed()) == 0
    assert first_mismatch(EXPECTED, changed()) is None


def test_the_first_frame_and_output_are_named() -> None:
    found = changed(scores=(2, 1, 3), label=(1,))
    assert differing_frames(EXPECTED, found).tolist() == [False, True, True]
    assert count_mismatches(EXPECTED, found) == 2
    assert first_mismatch(EXPECTED, found) == Mismatch(1, "label", (), 0, 2, 102)
    found = changed(scores=(1, 1, 3), label=(1,))
    first = first_mismatch(EXPECTED, found)
    assert first == Mismatch(1, "scores", (1, 3), 7, 15, 115)
    assert str(first) == "frame 1, output 'scores'[1, 3]: golden 15, hardware 115"


def test_the_error_has_the_place_of_the_first_mismatch() -> None:
    graph = random_graph([8, 4, 3], tail="both")
    assert dict(graph.outputs)["scores"] == "fc1"
    first = Mismatch(1, "scores", (1, 3), 7, 15, 115)
    error = outputs_error(graph, first, 2, 3, result="run", remark="all else is right")
    assert (error.layer, error.frame, error.channel, error.result) == ("fc1", 1, 7, "run")
    assert str(error) == ("2 of 3 frames differ from the golden model; first at frame 1, output "
                          "'scores'[1, 3]: golden 15, hardware 115 (layer 'fc1'); all else is "
                          "right")
    error = outputs_error(graph, first, 2, 3, result=None)
    assert str(error).endswith("(layer 'fc1')")
