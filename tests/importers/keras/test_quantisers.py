"""Tests quantisers: their numpy expression against their ONNX nodes, and weights against facts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.keras.nodes import OPSET, Nodes
from bnnhw.importers.keras.quantisers.base import Elementwise, Kernel
from bnnhw.importers.keras.quantisers.registry import find_function, find_quantiser
from bnnhw.importers.onnx.operators import evaluate

ACTIVATIONS = [
    "ste_sign", "approx_sign", "swish_sign", "ste_heaviside", "ste_tern", "dorefa_quantizer",
    {"class_name": "Larq>SteTern", "config": {"threshold_value": 0.5}},
    {"class_name": "DoReFa", "config": {"k_bit": 3, "mode": "activations", "name": "d"}},
    "binary", "binary(alpha=1)", "binary(1, 0.5)", "binary(use_01=1, alpha=1.0)", "ternary",
    "ternary(alpha=1.0, threshold=0.4)", "ternary(0.25)", "quantized_relu(1)", "quantized_relu(2)",
    "quantized_relu(4,2)", "quantized_relu(3,-1)", "quantized_bits(2,0,1)", "quantized_bits(4,1)",
    "quantized_bits(3,0,keep_negative=False)", "quantized_bits(4,0,1,alpha=0.3)",
    "quantized_bits(1,0,1)", "quantized_bits(1,1,0,alpha=0.5)", "quantized_tanh(3)",
    "quantized_tanh(4,symmetric=1)", "relu", "tanh", "sigmoid", "hard_tanh", "elu", "softplus",
    "softsign", "relu6", "linear",
]

NUMBERS = st.one_of(st.floats(-4, 4, width=32), st.integers(-64, 64).map(lambda k: k / 16),
                    st.sampled_from([0.0, -0.0, 1e-40, -1e-40, 0.33, -0.05, 1e6, -1e6]))


def through_nodes(function: Elementwise, x: np.ndarray) -> np.ndarray:
    nodes = Nodes()
    function.lower(nodes, "x", "y")
    values = {"x": x, **nodes.constants}
    for node in nodes.nodes:
        inputs = [values[name] for name in node.input]
        values[node.output[0]] = evaluate(node, inputs, OPSET)
    return values["y"]


@pytest.mark.parametrize("name", ACTIVATIONS, ids=str)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=8))
def test_nodes_equal_the_expression(name: object, numbers: list[float]) -> None:
    function = find_function(name, "layer")
    x = np.array([numbers], dtype=np.float32)
    x[np.abs(x) < 2.0 ** -126] = 0  # TensorFlow flushes subnormal numbers, ONNX does not
    expected, found = function.compute(x), through_nodes(function, x)
    assert expected.dtype == np.float32
    largest = max(1.0, float(np.abs(found).max()))
    bound = max(function.rounding, 3e-7) * largest + function.input_rounding * np.abs(x).max()
    assert np.abs(found - expected).max() <= bound


def test_signs_at_zero() -> None:
    x = np.array([0.0, -0.0, 1e-40, -1e-40, -1e-37], dtype=np.float32)
    for name in ("ste_sign", "binary(alpha=1.0)", "quantized_bits(1,0,1)"):
        assert find_function(name, "layer").compute(x).tolist() == [1, 1, 1, 1, -1]
    assert find_function("ste_heaviside", "layer").compute(x).tolist() == [0] * 5


def kernel(name: object, w: np.ndarray) -> Kernel:
    quantiser = find_quantiser(name, "layer")
    assert quantiser is not None
    made = quantiser.for_kernels().kernel(np.asarray(w, dtype=np.float32))
    assert made.seen.dtype == made.exact.dtype == np.float32
    return made


WEIGHTS = np.random.default_rng(3).normal(0, 0.4, (3, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(("name", "levels"), [
    ("ste_sign", 1), ("magnitude_aware_sign", 1), ("binary", 1), ("binary(alpha='auto')", 1),
    ("binary(alpha=0.5)", 1), ("ternary", 1), ("ternary(alpha='auto')", 1),
    ("ternary(alpha=1.0,threshold=0.2)", 1), ("ste_tern", 1),
    ({"class_name": "SteTern", "config": {"ternary_weight_networks": True}}, 1),
    ("quantized_bits(3,0,1)", 3), ("quantized_bits(4,0,1,alpha='auto')", 7),
    ("quantized_bits(4,0,1,alpha='auto_po2')", 7), ("quantized_bits(4,1,alpha=1.0)", 8),
    ({"class_name": "DoReFa", "config": {"k_bit": 3, "mode": "weights"}}, 7),
], ids=str)
def test_weights_are_integers_times_scales(name: object, levels: int) -> None:
    """In each output channel, the weights are multiples of one step up to its number of levels."""
    made = kernel(name, WEIGHTS)
    assert made.rounding <= 2.0 ** -22
    for column in made.exact.reshape(-1, 5).T.astype(np.float64):
        steps = np.unique(np.abs(column))
        step = float(np.gcd.reduce(np.rint(steps / steps[steps > 0].min() * 840).astype(int))
                     ) * steps[steps > 0].min() / 840
        q = column / step
        assert np.abs(q - np.rint(q)).max() < 1e-3
        assert np.abs(q).max() <= levels * 1.001


def test_scales_of_channels() -> None:
    w = np.array([[0.5, -2.0], [-0.25, 1.0]])
    assert kernel("magnitude_aware_sign", w).exact.tolist() == [[0.375, -1.5], [-0.375, 1.5]]
    assert kernel("binary(alpha='auto')", w).exact == pytest.approx(
        np.array([[0.375, -1.5], [-0.375, 1.5]]), rel=1e-6)
    assert kernel("binary(alpha='auto_po2')", w).exact.tolist() == [[0.5, -2.0], [-0.5, 2.0]]
    assert kernel("binary(use_01=1,alpha=1.0)", w).exact.tolist() == [[1, 0], [0, 1]]
    assert kernel("NoOp(precision=1)", np.sign(w)).exact.tolist() == np.sign(w).tolist()


@pytest.mark.parametrize("name", ["magnitude_aware_sign", "binary(alpha='auto')",
                                  "ternary(alpha='auto_po2')", "quantized_relu(2,use_sigmoid=1)",
                                  "quantized_relu(3,negative_slope=0.25)", "quantized_bits(40)",
                                  {"class_name": "DoReFa", "config": {"mode": "weights"}}], ids=str)
def test_quantisers_that_do_not_fit_activations(name: object) -> None:
    function = find_function(name, "layer")
    with pytest.raises(ModelError):
        function.compute(np.ones((1, 2), np.float32))
    with pytest.raises(ModelError):
        function.lower(Nodes(), "x", "y")
