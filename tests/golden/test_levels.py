"""Tests that all golden levels give equal integers, and that word layouts keep every value."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.errors import ModelError
from bnnhw.golden import fast
from bnnhw.golden.compiled import Runner
from bnnhw.golden.layout import beats, stream_values, stream_words
from bnnhw.golden.packed import pack64
from bnnhw.ir import Graph, Int, TensorType
from bnnhw.layers import Dense
from tests.networks import any_graphs, chains, examples, random_graph, random_samples, samples
from tests.networks.choices import DrawnChoices

LEVELS = [level for level in golden.LEVELS if level != "compiled"]


SIZES = st.integers(1, 40) | st.sampled_from([63, 64, 65, 127, 128, 129])
"""Sizes around one and two words of 64 bits, and small ones."""


@examples(60)
@given(st.data(), chains(SIZES) | any_graphs())
def test_levels_are_equal(data: st.DataObject, graph: Graph) -> None:
    x = data.draw(samples(graph, 3))
    reference = graph.compute_all(x)
    for level in LEVELS:
        found = golden.run_all(graph, x, level)
        assert found.keys() == reference.keys()
        for name, value in reference.items():
            assert (found[name] == value).all(), (level, name)


@pytest.mark.parametrize("sizes", [(70, 1, 129, 10), (784, 64, 64, 10), (64, 65, 3)])
@pytest.mark.parametrize("tail", ["bits", "both"])
def test_compiled_level_and_runner_are_equal(sizes: tuple[int, ...], tail: str) -> None:
    pytest.importorskip("numba", reason="extra 'fast' is not installed")
    for pixels in (False, True):
        graph = random_graph(sizes, seed=3, pixels=pixels, tail=tail, affine=tail == "both")
        x = random_samples(graph, 700, 3)
        reference = graph.compute(x)
        compiled = golden.run(graph, x, "compiled")
        runner = Runner.of(graph)
        assert runner is not None
        packed = runner.run(x)
        for name, value in reference.items():
            assert (compiled[name] == value).all()
            assert (packed[name] == value).all()


def test_compiled_level_of_one_bit_integers() -> None:
    pytest.importorskip("numba", reason="extra 'fast' is not installed")
    type_ = TensorType((2,), Int(-1, 0))
    layer = Dense("fc0", "input", type_, np.ones((1, 1, 2), np.uint8), (1,), np.array([-2]), None)
    graph = Graph("net", type_, (layer,), (("scores", "fc0"),))
    x = np.array([[-1, 0], [0, 0], [-1, -1]])
    found = golden.run(graph, x, "compiled")["scores"]
    assert (found == graph.compute(x)["scores"]).all()


def test_all_equal_weights_and_extreme_thresholds() -> None:
    graph = random_graph([65, 4], tail="bits")
    layer = graph.layers[0]
    assert isinstance(layer, Dense)
    for weight in (0, 1):
        for threshold in (0, 1, 65, 66):
            changed = replace(layer, weights=np.full((1, 4, 65), weight, np.uint8),
                              thresholds=np.full((4, 1), threshold))
            graph = replace(graph, layers=(changed,))
            x = np.array([[0] * 65, [1] * 65])
            p = np.array([[65 * (1 - weight)], [65 * weight]])
            for level in LEVELS:
                assert (golden.run(graph, x, level)["bits"] == (p >= threshold)).all()


def test_batches_are_joined() -> None:
    graph = random_graph([20, 6, 3], pixels=True)
    x = random_samples(graph, 2500)
    done: list[int] = []
    found = golden.run(graph, x, "fast", done.append)
    assert sum(done) == 2500
    assert len(done) == 3
    assert (found["scores"] == graph.compute(x)["scores"]).all()


@given(st.data(), st.integers(1, 40), st.integers(1, 17), st.integers(1, 12), st.booleans())
def test_stream_words_and_back(data: st.DataObject, length: int, lanes: int, width: int,
                               signed: bool) -> None:
    lo, hi = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    values = DrawnChoices(data.draw).integers(lo, hi, (3, length))
    words = stream_words(values, lanes, width)
    assert words.shape == (3, beats(length, lanes), -(-lanes * width // 8))
    assert (stream_values(words, length, lanes, width, signed) == values).all()
    number = int.from_bytes(words[0, 0].tobytes(), "little")
    assert number & ((1 << width) - 1) == int(values[0, 0]) & ((1 << width) - 1)


def test_packed_words_are_the_stream_of_64_lanes() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (2, 130))
    words = pack64(bits)
    assert words.shape == (2, 3)
    assert all(int(words[1, k // 64]) >> (k % 64) & 1 == bits[1, k] for k in range(130))


def test_fast_level_rejects_sums_beyond_float32() -> None:
    bits = np.zeros((1, 1 << 24), np.uint8)
    with pytest.raises(ModelError, match="is not exact in float32"):
        fast.count(bits, bits)


def test_large_windows_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("bnnhw.golden.run"), "MAX_GATHERED", 70)
    graph = random_graph([20, 6, 3])
    batches: list[int] = []
    golden.run(graph, random_samples(graph, 8), "fast", batches.append)
    assert batches == [3, 3, 2]
