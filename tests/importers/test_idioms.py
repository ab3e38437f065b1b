"""Tests the node patterns of PyTorch, Keras and Larq: comparisons, constants, layouts, padding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")
pytest.importorskip("onnxruntime", reason="extra 'onnx' is not installed")

from onnx import TensorProto

from bnnhw.errors import ModelError
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.ir import Bits, Int
from tests.importers.comparison import check, kinds, tail
from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import DOMAIN


def where(b: Any, operator: str = "GreaterOrEqual", at: float = 0.0) -> Any:
    chosen = b.add(operator, [b.current, b.constant(at)])
    b.current = b.add("Where", [chosen, b.constant(1.0), b.constant(-1.0)])
    return b


def cast(b: Any, operator: str = "GreaterOrEqual") -> Any:
    b.then(operator, b.constant(0.0)).then("Cast", to=TensorProto.FLOAT)
    return b.then("Mul", b.constant(2.0)).then("Sub", b.constant(1.0))


def cast_to_integers(b: Any) -> Any:
    b.then("Greater", b.constant(0.5)).then("Cast", to=TensorProto.INT64)
    b.then("Mul", b.constant(2, np.int64)).then("Sub", b.constant(1, np.int64))
    return b.then("Cast", to=TensorProto.FLOAT)


def sign_without_zero(b: Any) -> Any:
    """Append ``s = sign(x); s[s == 0] = 1``."""
    sign = b.add("Sign", [b.current])
    b.current = b.add("Where", [b.add("Equal", [sign, b.constant(0.0)]), b.constant(1.0), sign])
    return b


def larq_sign(b: Any) -> Any:
    return b.then("Sign").then("Add", b.constant(0.1)).then("Sign")


def keras_binary_tanh(b: Any) -> Any:
    b.then("HardSigmoid", alpha=0.5, beta=0.5).then("Round")
    return b.then("Mul", b.constant(2.0)).then("Sub", b.constant(1.0))


def swish_then_sign(b: Any) -> Any:
    b.current = b.add("Mul", [b.current, b.add("Sigmoid", [b.current])])
    return where(b, at=0.25)


BINARISERS: dict[str, Callable[[Any], Any]] = {
    "where(x >= 0, 1, -1)": where,
    "where(x > 2, 1, -1)": lambda b: where(b, "Greater", 2.0),
    "where(x < 0.5, 1, -1)": lambda b: where(b, "Less", 0.5),
    "where(x <= -1, 1, -1)": lambda b: where(b, "LessOrEqual", -1.0),
    "(x >= 0).float() * 2 - 1": cast,
    "(x > 0).float() * 2 - 1": lambda b: cast(b, "Greater"),
    "(x > 0.5).long() * 2 - 1": cast_to_integers,
    "sign, and 1 for 0": sign_without_zero,
    "Larq's sign": larq_sign,
    "Keras' binary_tanh": keras_binary_tanh,
}


@pytest.mark.parametrize("kind", ["bits", "int8"])
@pytest.mark.parametrize("name", BINARISERS)
def test_binarised_activations(name: str, kind: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 2, 6, 6], seed=3).conv(4)
    if kind == "int8":
        b = MapBuilder([1, 2, 6, 6], seed=3)
        b.then("Mul", b.constant(8.0))
        BINARISERS[name](b)
        b.conv(4)
    BINARISERS[name](b)
    imported = check(tail(b, 64), (2, 6, 6), tmp_path, kind, (-1.0, 1.0))
    hidden = [layer.out_type().element for layer in imported.graph.layers if layer.kind == "conv"]
    assert hidden == [Bits()]


def test_function_of_one_tensor_twice(tmp_path: Path) -> None:
    """x * sigmoid(x) falls and then rises, but only rises over the attainable sums."""
    b = swish_then_sign(MapBuilder([1, 2, 6, 6], seed=3).conv(4, (1, 1)))
    check(tail(b, 144), (2, 6, 6), tmp_path)


def test_deep_functions_of_one_tensor_are_rejected(tmp_path: Path) -> None:
    """Each node reads the previous one twice, which would need 2 ** 40 evaluations."""
    b = MapBuilder([1, 2, 6, 6], seed=3).conv(4)
    for _ in range(40):
        b.current = b.add("Max", [b.current, b.add("Mul", [b.current, b.constant(0.5)])])
    path = tail(b.bipolar(), 64).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")  # linear nodes are combined
    assert imported.check is not None
    b = MapBuilder([1, 2, 6, 6], seed=3).conv(4)
    for _ in range(600):
        b.then("Relu")
    with pytest.raises(ModelError, match="512 nodes"):
        import_onnx(tail(b.bipolar(), 64).save(tmp_path), name="net", input_type="bits")


def weights_where(b: Any, *shape: int) -> str:
    real = b.constant(b.random.normal(size=shape))
    chosen = b.add("GreaterOrEqual", [real, b.constant(0.0)])
    return str(b.add("Where", [chosen, b.constant(1.0), b.constant(-1.0)]))


def weights_cast(b: Any, *shape: int) -> str:
    real = b.constant(b.random.normal(size=shape))
    wide = b.add("Cast", [b.add("Greater", [real, b.constant(0.0)])], to=TensorProto.FLOAT)
    return str(b.add("Sub", [b.add("Mul", [wide, b.constant(2.0)]), b.constant(1.0)]))


def weights_xnor_net(b: Any, *shape: int) -> str:
    real = b.constant(b.random.normal(size=shape))
    size = b.add("ReduceMean", [b.add("Abs", [real])], axes=[1, 2, 3], keepdims=1)
    return str(b.add("Mul", [b.add("Sign", [real]), size]))


def weights_standardised(b: Any, *shape: int) -> str:
    """Weight standardisation and a sign, with mean and deviation computed by nodes."""
    real = b.constant(b.random.normal(size=shape))
    mean = b.add("ReduceMean", [real], axes=[1, 2, 3], keepdims=1)
    centred = b.add("Sub", [real, mean])
    squares = b.add("ReduceMean", [b.add("Pow", [centred, b.constant(2.0)])], axes=[1, 2, 3],
                    keepdims=1)
    return str(b.add("Sign", [b.add("Div", [centred, b.add("Sqrt", [squares])])]))


def weights_of_parts(b: Any, *shape: int) -> str:
    """Concatenation of two constants, one of them computed by ConstantOfShape."""
    half = shape[0] // 2
    size = b.constant([half, *shape[1:]], np.int64)
    ones = b.add("ConstantOfShape", [size], value=b_tensor(1.0))
    real = b.constant(np.sign(b.random.normal(size=(shape[0] - half, *shape[1:]))))
    return str(b.add("Concat", [b.add("Neg", [ones]), real], axis=0))


def weights_sum(b: Any, *shape: int) -> str:
    """Sum of three constants, and a sign."""
    parts = [b.constant(b.random.normal(size=shape)) for _ in range(3)]
    return str(b.add("Sign", [b.add("Sum", parts)]))


def b_tensor(value: float) -> Any:
    from onnx import numpy_helper
    return numpy_helper.from_array(np.array([value], dtype=np.float32))


@pytest.mark.parametrize("make", [weights_where, weights_cast, weights_xnor_net,
                                  weights_standardised, weights_of_parts, weights_sum])
def test_constants_are_folded(make: Callable[..., str], tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=3)
    b.then("Conv", make(b, 4, 3, 3, 3))
    b.channels = 4
    check(tail(b.batch_norm().bipolar(), 64), (3, 6, 6), tmp_path, noise=1e-4)


@pytest.mark.parametrize(("operator", "inputs", "message"), [
    ("ConstantOfShape", lambda b: [b.constant([1 << 20, 1 << 20], np.int64)], "elements"),
    ("Expand", lambda b: [b.constant(1.0), b.constant([1 << 20, 1 << 20], np.int64)], "elements"),
    ("Tile", lambda b: [b.constant([1.0]), b.constant([1 << 40], np.int64)], "elements"),
    ("Range", lambda b: [b.constant(0, np.int64), b.constant(1 << 50, np.int64),
                         b.constant(1, np.int64)], "elements"),
    ("Pad", lambda b: [b.constant([1.0]), b.constant([1 << 40, 0], np.int64)], "elements"),
    ("RandomNormal", lambda b: [], "'RandomNormal' is not supported on constants"),
    ("Einsum", lambda b: [b.constant(np.ones((2, 2)))], "'Einsum' is not supported on constants"),
    ("Div", lambda b: [b.constant([1.0]), b.constant([0.0])], "NaN or infinity"),
])
def test_constants_that_cannot_be_folded(operator: str, inputs: Callable[[Any], list[str]],
                                         message: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=3)
    attributes = {"shape": [2]} if operator == "RandomNormal" else \
        {"equation": "ij->ji"} if operator == "Einsum" else {}
    b.then("Add", b.add(operator, inputs(b), **attributes))
    with pytest.raises(ModelError, match=message):
        import_onnx(tail(b.conv(4).bipolar(), 64).save(tmp_path), name="net", input_type="bits")


def nhwc_conv(b: MapBuilder) -> MapBuilder:
    return b.then("Transpose", perm=[0, 3, 1, 2])


def test_greyscale_nhwc_by_reshape(tmp_path: Path) -> None:
    """tf2onnx moves a single channel by Reshape, and moves it back."""
    b = MapBuilder([1, 6, 5, 1], seed=3)
    b.channels = 1
    b.then("Reshape", b.constant([-1, 1, 6, 5], np.int64)).conv(4).batch_norm().bipolar()
    path = tail(b, 48).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.graph.input.shape == (6, 5, 1)
    same(imported, path, (6, 5, 1))


def same(imported: Network, path: Path, shape: tuple[int, ...]) -> None:
    """Assert that samples with channels last have the model's scores."""
    from tests.importers.map_models import run
    x = np.random.default_rng(2).choice([-1, 1], (30, *shape))
    found = imported.graph.compute(x.reshape(30, *imported.graph.input.shape))["scores"]
    reference = np.concatenate([run(path, one[None])[0] for one in x])
    assert (np.sign(found[:, :, None] - found[:, None])
            == np.sign(reference[:, :, None] - reference[:, None])).all()


def test_vector_that_is_reshaped_to_an_image(tmp_path: Path) -> None:
    b = MapBuilder([1, 36], seed=3)
    b.channels = 1
    b.then("Reshape", b.constant([1, 1, 6, 6], np.int64)).conv(4).bipolar()
    path = tail(b, 64).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.graph.input.shape == (6, 6, 1)
    same(imported, path, (36,))


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_pad_of_rows_and_columns_in_nhwc(value: float, tmp_path: Path) -> None:
    b = MapBuilder([1, 6, 6, 2], seed=3)
    b.channels = 2
    b.then("Pad", b.constant([0, 1, 2, 0, 0, 0, 1, 0], np.int64), b.constant(value))
    b.then("Transpose", perm=[0, 3, 1, 2]).conv(4).batch_norm().bipolar()
    path = tail(b, 4 * 5 * 7).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert "conv" in kinds(imported)
    same(imported, path, (6, 6, 2))


def test_padding_layer_before_a_sign(tmp_path: Path) -> None:
    """Zeros that are added before a sign are +1 after it."""
    b = MapBuilder([1, 3, 6, 6], seed=3).conv(4).batch_norm()
    b.pad(0.0, [1, 1], [1, 1])
    check(tail(where(b).conv(3), 48), (3, 6, 6), tmp_path)


@pytest.mark.parametrize(("opset", "start", "end"), [(15, 0, 1), (17, 0, 1), (20, -4, -3)])
def test_shape_with_start_and_end(opset: int, start: int, end: int, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=3).conv(4).batch_norm().bipolar()
    size = b.add("Shape", [b.current], start=start, end=end)
    b.then("Reshape", b.add("Concat", [size, b.constant([-1], np.int64)], axis=0))
    b.channels = 64
    model = b.matmul(4).model()
    model.opset_import[0].version = opset
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.check is not None
    assert kinds(imported) == ["conv", "flatten", "dense", "argmax"]


@pytest.mark.parametrize(("size", "kernel", "stride", "pad"), [
    (7, 2, 2, 0), (8, 3, 2, 0), (6, 2, 3, 0), (7, 3, 2, 1), (5, 2, 4, 0)])
def test_ceil_mode_of_a_max_pool(size: int, kernel: int, stride: int, pad: int,
                                 tmp_path: Path) -> None:
    b = MapBuilder([1, 3, size, size], seed=3).conv(4, (1, 1))
    b.then("MaxPool", kernel_shape=[kernel, kernel], strides=[stride, stride], ceil_mode=1,
           pads=[pad] * 4)
    out = -(-(size + 2 * pad - kernel) // stride) + 1
    out -= (out - 1) * stride >= size + pad
    b.batch_norm([1.0, -1.0, 0.5, 2.0]).bipolar()
    check(tail(b, 4 * out * out), (3, size, size), tmp_path)


@pytest.mark.parametrize("idiom", ["Trunc", "Where"])
def test_three_levels_by_where(idiom: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=3).conv(4)
    high = b.add("Greater", [b.current, b.constant(3.0)])
    low = b.add("Less", [b.current, b.constant(-3.0)])
    inner = b.add("Where", [low, b.constant(-1.0), b.constant(0.0)])
    if idiom == "Trunc":
        b.then("Quant", b.constant(4.0), b.constant(0.0), b.constant(2.0), domain=DOMAIN,
               signed=1, narrow=1, rounding_mode="DOWN")
    else:
        b.current = b.add("Where", [high, b.constant(1.0), inner])
    imported = check(tail(b, 64), (3, 6, 6), tmp_path)
    assert imported.graph.layers[0].out_type().element == Int(0, 2)
