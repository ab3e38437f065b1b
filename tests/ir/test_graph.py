"""Tests types, layers and the Graph: integer arithmetic, and errors that name the layer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.errors import ConfigError, ModelError
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.layers import Affine, ArgMax, Binarize, Dense
from tests.networks import any_graphs, random_graph, samples
from tests.networks.choices import DrawnChoices


def dense(planes: int = 1, thresholds: np.ndarray | None = None) -> Dense:
    element = Bits() if planes == 1 else Int(0, 2 ** planes - 1)
    weights = np.random.default_rng(0).integers(0, 2, (1, 3, 5), dtype=np.uint8)
    return Dense("d", "input", TensorType((5,), element), weights,
                 tuple(1 << m for m in range(planes)), np.zeros(3, np.int64), thresholds)


@pytest.mark.parametrize(("lo", "hi", "width"), [
    (0, 0, 1), (0, 1, 1), (0, 255, 8), (0, 256, 9), (-1, 0, 1), (-1, 1, 2), (-64, 64, 8),
    (-128, 127, 8), (-129, 0, 9)])
def test_width_of_integers(lo: int, hi: int, width: int) -> None:
    assert Int(lo, hi).width == width


def test_dense_is_the_sum_of_products() -> None:
    layer = replace(dense(), coefficients=(2,), const=np.full(3, -5))
    x = np.random.default_rng(1).integers(0, 2, (20, 5))
    products = (2 * x - 1) @ (2 * layer.weights[0].astype(np.int64) - 1).T
    assert (layer.compute(x) == products).all()


@given(st.data(), st.integers(1, 6))
def test_unipolar_bits_cost_one_constant(data: st.DataObject, fan_in: int) -> None:
    choices = DrawnChoices(data.draw)
    w = choices.bits((4, fan_in))
    x = choices.integers(0, 1, (9, fan_in))
    layer = Dense("d", "input", TensorType((fan_in,), Bits(unipolar=True)), w[None], (1,),
                  w.sum(axis=1, dtype=np.int64) - fan_in, None)
    assert (layer.compute(x) == x @ (2 * w.astype(np.int64) - 1).T).all()


def test_planes_weigh_their_popcounts() -> None:
    """Bit-serial first layer: sum of 2^b p_b + (2^B - 1)(ones - N) is the product with +-1."""
    layer = dense(planes=3)
    w = layer.weights
    const = 7 * (w[0].sum(axis=1, dtype=np.int64) - 5)
    layer = replace(layer, const=const)
    x = np.random.default_rng(1).integers(0, 8, (50, 5))
    assert (layer.compute(x) == x @ (2 * w[0].astype(np.int64) - 1).T).all()


def test_several_thresholds_count() -> None:
    layer = dense(thresholds=np.array([[1, 2, 4]] * 3))
    x = np.random.default_rng(2).integers(0, 2, (30, 5))
    acc = replace(layer, thresholds=None).compute(x)
    assert layer.out_type().element == Int(0, 3)
    assert (layer.compute(x) == (acc >= 1).astype(int) + (acc >= 2) + (acc >= 4)).all()


def test_argmax_gives_the_lowest_index() -> None:
    layer = ArgMax("a", "s", TensorType((4,), Int(-5, 5)))
    assert layer.compute(np.array([[1, 3, 3, 0], [-1, -1, -2, -1]])).tolist() == [1, 0]


@pytest.mark.parametrize(("change", "text"), [
    ({"weights": np.zeros((1, 3, 4), np.uint8)}, "weights take 4 inputs, but 'input' gives 5"),
    ({"weights": np.zeros((1, 3, 5))}, "weights must be uint8"),
    ({"weights": np.full((1, 3, 5), 2, np.uint8)}, "weights must be 0 or 1, found 2"),
    ({"weights": np.zeros((2, 3, 5), np.uint8)}, "needs 2 positive scales"),
    ({"scales": (2,)}, "needs 1 positive scales without a common factor"),
    ({"scales": (0,)}, "needs 1 positive scales"),
    ({"mask": np.zeros((1, 3, 4), np.uint8)}, "its mask must be uint8"),
    ({"coefficients": (1, 2)}, "needs 1 coefficients, one for each bit"),
    ({"coefficients": (0,)}, "coefficients must be positive"),
    ({"const": np.zeros(2, np.int64)}, "const must have shape"),
    ({"thresholds": np.zeros((2, 1))}, "thresholds must have shape"),
    ({"thresholds": np.array([[3, 1]] * 3)}, "must ascend"),
    ({"input": TensorType((5, 1), Bits())}, "put a 'flatten' layer before it"),
])
def test_dense_rejects(change: dict[str, object], text: str) -> None:
    with pytest.raises(ModelError, match=text) as info:
        replace(dense(), **change)  # type: ignore[arg-type]
    assert "layer 'd' (dense)" in str(info.value)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: Binarize("b", "input", TensorType((3,), Bits()), 1), "reads bits"),
    (lambda: Binarize("b", "input", TensorType((3,), Int(0, 255)), 257), "must be 0..256"),
    (lambda: ArgMax("b", "input", TensorType((3,), Bits())), "output: scores"),
    (lambda: Affine("b", "i", TensorType((3,), Int(0, 9)), np.ones(2), np.ones(3)), "scale"),
    (lambda: Affine("b", "i", TensorType((1,), Int(0, 9)), np.array([2 ** 61]), np.ones(1)), "63"),
])
def test_layers_reject(make: object, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        make()  # type: ignore[operator]


def test_graph_rejects_sources_that_do_not_fit() -> None:
    d = dense()
    for layers, outputs, text in [
        ((), (("y", "d"),), "no layers"), ((d,), (), "no output"), ((d, d), (("y", "d"),), "name"),
        ((replace(d, source="z"),), (("y", "d"),), "reads 'z'"),
        ((d,), (("y", "q"),), "reads 'q'"),
        ((d, replace(d, name="e", source="d")), (("y", "e"),), "expects 5 bits, but 'd' gives 3"),
    ]:
        with pytest.raises(ModelError, match=text):
            Graph("g", d.input, layers, outputs)


@given(st.data(), any_graphs())
def test_json_keeps_everything(data: st.DataObject, graph: Graph) -> None:
    again = Graph.from_json(json.loads(json.dumps(graph.to_json())))
    assert again.digest() == graph.digest()
    x = data.draw(samples(graph, 2))
    for name, value in graph.compute(x).items():
        assert (again.compute(x)[name] == value).all()


def test_digest_sees_every_weight() -> None:
    graph = random_graph([5, 3], tail="bits")
    layer = graph.layers[0]
    assert isinstance(layer, Dense)
    weights = layer.weights.copy()
    weights[0, 2, 4] ^= 1
    other = replace(graph, layers=(replace(layer, weights=weights),))
    assert other.digest() != graph.digest()


def test_input_arrays_are_checked() -> None:
    graph = random_graph([4, 2])
    signs = np.array([[1, -1, -1, 1]], np.int8)
    assert graph.check_input(signs).tolist() == [[1, 0, 0, 1]]
    for x, text in [(signs.astype(float), "expected integers"), (signs[:, :3], r"\[n, 4\]"),
                    (np.array([[1, -1, 0, 1]]), "mixes"), (signs * 0 + 2, "values of 2..2"),
                    (np.array([[2 ** 64 - 1, 0, 0, 0]], np.uint64), r"values of 0\.\.18446744")]:
        with pytest.raises(ConfigError, match=text):
            graph.check_input(x)
