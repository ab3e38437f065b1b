"""Tests that pixel shuffles and crops move elements as PyTorch, TensorFlow and ONNX do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.errors import BnnhwError, ModelError
from bnnhw.ir import Bits, Int, TensorType
from bnnhw.layers import Crop, DepthToSpace, SpaceToDepth
from tests.importers.yaml_networks import load

SIZES = st.integers(1, 3)


@given(SIZES, SIZES, SIZES, st.sampled_from(["dcr", "crd"]))
def test_depth_to_space_equals_onnx(height: int, width: int, channels: int, order: str) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator
    deep = TensorType((height, width, 4 * channels), Int(0, 999))
    x = np.arange(2 * deep.size).reshape(2, *deep.shape)
    info = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=2, mode=order.upper())
    model = onnx.helper.make_model(onnx.helper.make_graph(
        [node], "g", [info("x", onnx.TensorProto.FLOAT, None)],
        [info("y", onnx.TensorProto.FLOAT, None)]))
    (expected,) = ReferenceEvaluator(model).run(
        None, {"x": x.transpose(0, 3, 1, 2).astype(np.float32)})
    found = DepthToSpace("d", "input", deep, (2, 2), order).compute(x)
    assert (found.transpose(0, 3, 1, 2) == expected).all()


@given(SIZES, SIZES, SIZES, SIZES, SIZES, st.sampled_from(["dcr", "crd"]), st.booleans())
def test_both_directions_are_inverse(height: int, width: int, channels: int, rows: int,
                                     columns: int, order: str, signal: bool) -> None:
    width, columns = (1, 1) if signal else (width, columns)
    shape = (height * rows, width * columns, channels)
    shape = (shape[0], channels) if signal else shape
    first = SpaceToDepth("s", "input", TensorType(shape, Int(0, 999)), (rows, columns), order)
    second = DepthToSpace("d", "s", first.out_type(), (rows, columns), order)
    x = np.arange(2 * first.input.size).reshape(2, *shape)
    assert second.out_type() == first.input
    assert (second.compute(first.compute(x)) == x).all()


def test_channels_are_in_the_documented_order() -> None:
    """Channel of element c of pixel (y, x) of a block, for a block of 2 x 3 and 4 channels."""
    type_ = TensorType((2, 3, 4), Int(0, 99))
    x = np.arange(24).reshape(1, 2, 3, 4)
    dcr, crd = (SpaceToDepth("s", "input", type_, (2, 3), order).compute(x)[0, 0, 0]
                for order in ("dcr", "crd"))
    for y in range(2):
        for column in range(3):
            for c in range(4):
                assert dcr[(y * 3 + column) * 4 + c] == x[0, y, column, c]
                assert crd[(c * 2 + y) * 3 + column] == x[0, y, column, c]


def test_crop() -> None:
    graph = load([{"crop": [1, 0, 2, 3]}], {"shape": [6, 5, 2], "type": "int8"})
    x = np.random.default_rng(0).integers(-128, 128, (3, 6, 5, 2))
    (y,) = graph.compute(x).values()
    assert (y == x[:, 1:4, 0:2]).all()
    graph = load([{"crop": [1, 0, 2, 0]}], {"shape": [6, 2], "type": "int8"})
    (y,) = graph.compute(x[:, :, 0]).values()
    assert (y == x[:, 1:4, 0]).all()


BITS = {"shape": [6, 5, 6], "type": "bits"}
SIGNAL = {"shape": [6, 4], "type": "bits"}


@pytest.mark.parametrize(("item", "input_", "text"), [
    ({"depth_to_space": 2}, BITS, "6 channels of 'input' do not divide into blocks of 2x2"),
    ({"space_to_depth": 2}, BITS, "6x5 pixels of 'input' do not divide into blocks of 2x2"),
    ({"space_to_depth": 2}, {"shape": [8], "type": "bits"}, "expected a map"),
    ({"space_to_depth": [2, 2]}, SIGNAL, "6x1 pixels of 'input' do not divide"),
    ({"depth_to_space": [2, 2]}, SIGNAL, "a signal has no columns for a block"),
    ({"crop": [3, 0, 3, 0]}, BITS, "6x5 pixels .* which leaves none"),
    ({"crop": [1, 1, 0, 0]}, SIGNAL, r"write \[top, 0, bottom, 0\]"),
    ({"crop": [1, 1, 0]}, BITS, "crop"), ({"crop": -1}, BITS, "crop"),
    ({"crop": [1, 1, 0, -1]}, BITS, "crop"), ({"depth_to_space": 2, "order": "rcd"}, BITS, "order"),
])
def test_bad_items_are_errors(item: dict[str, object], input_: dict[str, object],
                              text: str) -> None:
    with pytest.raises(BnnhwError, match=text):
        load([item], input_)


def test_constructors_check_their_arguments() -> None:
    map_ = TensorType((4, 4, 4), Bits())
    with pytest.raises(ModelError, match="4 channels do not divide into the 9 pixels"):
        DepthToSpace("d", "input", map_, (3, 3))
    with pytest.raises(ModelError, match="4x4 pixels does not divide into blocks of 3x3"):
        SpaceToDepth("d", "input", map_, (3, 3))
    with pytest.raises(ModelError, match="order 'cdr', expected dcr or crd"):
        SpaceToDepth("d", "input", map_, (2, 2), "cdr")
    with pytest.raises(ModelError, match="not negative"):
        Crop("c", "input", map_, (0, -1, 0, 0))
