"""Tests layers, layouts and configurations that are stated here, against plain numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("h5py", reason="h5py (extra 'keras') is not installed")
pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check, ImportOptions
from bnnhw.importers.keras.importer import load_keras
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.registry import load_any
from bnnhw.importers.save import network_files
from tests.importers.comparison import same_order
from tests.importers.keras.files import (
    Layer,
    bias,
    layer,
    norm,
    sequential,
    write_archive,
    write_hdf5,
)

RANDOM = np.random.default_rng(7)
BINARY = {"kernel_quantizer": "ste_sign", "use_bias": False}
SIGN = {"input_quantizer": "ste_sign", **BINARY}


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 1, shape)


def conv(channels: int, outputs: int, size: tuple[int, int] = (3, 3), kind: str = "QuantConv2D",
         **options: Any) -> Layer:
    return layer(kind, {"kernel_size": list(size), **SIGN, **options},
                 kernel=normal(*size, channels, outputs))


def depthwise(channels: int, multiplier: int = 1, **options: Any) -> Layer:
    return layer("QuantDepthwiseConv2D", {
        "kernel_size": [3, 3], "use_bias": False, "input_quantizer": "ste_sign",
        "depthwise_quantizer": "ste_sign", **options},
        depthwise_kernel=normal(3, 3, channels, multiplier))


def head(features: int, **options: Any) -> list[Layer]:
    return [layer("Flatten", {key: v for key, v in options.items() if key == "data_format"}),
            layer("QuantDense", SIGN, kernel=normal(features, 5)), norm(5, 9),
            layer("Activation", {"activation": "softmax"})]


STEM = [conv(3, 6, padding="same", input_quantizer=None), norm(6)]
LAST = {"data_format": "channels_first"}

MAPS: dict[str, list[Layer]] = {
    "valid": [*STEM, conv(6, 5), norm(5, 2), *head(180)],
    "zeros around": [*STEM, conv(6, 5, padding="same"), norm(5, 2), *head(320)],
    "ones around": [*STEM, conv(6, 5, padding="same", pad_values=1.0), norm(5, 2), *head(320)],
    "minus ones around": [*STEM, conv(6, 5, padding="same", pad_values=-1.0), norm(5, 2),
                          *head(320)],
    "stride 2, same": [*STEM, conv(6, 5, padding="same", strides=[2, 2]), norm(5, 2), *head(80)],
    "stride 2, 3 x 2, ones": [*STEM, conv(6, 5, (3, 2), padding="same", strides=[2, 3],
                                          pad_values=1.0), norm(5, 2), *head(60)],
    "stride 3, 4 x 4": [*STEM, conv(6, 5, (4, 4), padding="same", strides=3), norm(5, 2),
                        *head(45)],
    "dilation": [*STEM, conv(6, 5, padding="same", dilation_rate=[2, 3]), norm(5, 2), *head(320)],
    "groups": [*STEM, conv(2, 6, padding="same", groups=3), norm(6, 2), *head(384)],
    "depthwise": [*STEM, depthwise(6, 2, padding="same", strides=[2, 2]), norm(12, 2), *head(192)],
    "separable": [*STEM, layer("QuantSeparableConv2D", {
        "kernel_size": 3, "use_bias": True, "input_quantizer": "ste_sign",
        "depthwise_quantizer": "ste_sign", "pointwise_quantizer": "ste_sign"},
        depthwise_kernel=normal(3, 3, 6, 1), pointwise_kernel=normal(1, 1, 6, 5), bias=bias(5)),
        norm(5, 2), *head(180)],
    "bias and relu": [*STEM, layer("QuantConv2D", {
        "kernel_size": 3, **SIGN, "use_bias": True, "activation": "relu"},
        kernel=normal(3, 3, 6, 5), bias=bias(5)), norm(5, 2), *head(180)],
    "max pool before norm": [*STEM, conv(6, 5), layer("MaxPooling2D"), norm(5, 2), *head(45)],
    "max pool, same": [*STEM, conv(6, 5), layer("MaxPooling2D", {
        "pool_size": 3, "strides": 2, "padding": "same"}), norm(5, 2), *head(45)],
    "average": [*STEM, conv(6, 5), layer("AveragePooling2D", {"pool_size": [3, 2]}), norm(5, 2),
                *head(30)],
    "average without border": [*STEM, conv(6, 5, padding="same"), layer("AveragePooling2D", {
        "padding": "same"}), norm(5, 2), *head(80)],
    "global average": [*STEM, conv(6, 5), norm(5, 2), layer("SteSign"),
                       layer("GlobalAveragePooling2D"), layer("QuantDense", BINARY,
                                                              kernel=normal(5, 4))],
    "global maximum": [*STEM, conv(6, 5), norm(5, 3), layer("GlobalMaxPooling2D", {
        "keepdims": True}), layer("QuantDense", SIGN, kernel=normal(5, 4))],
    "no scale": [*STEM, conv(6, 5), norm(5, 2, scale=False), *head(180)],
    "no center": [*STEM, conv(6, 5), norm(5, 2, center=False), *head(180)],
    "neither": [*STEM, conv(6, 5), norm(5, 2, scale=False, center=False, axis=[3], epsilon=0.1),
                *head(180)],
    "leaky": [*STEM, conv(6, 5), norm(5, 2), layer("LeakyReLU", {"alpha": 0.25}), norm(5, 3),
              *head(180)],
    "relu 6": [*STEM, conv(6, 5), layer("ReLU", {"max_value": 6.0}), norm(5, 3), *head(180)],
    "slopes": [*STEM, conv(6, 5), layer("PReLU", {"shared_axes": [1, 2]}, alpha=np.abs(
        normal(1, 1, 5))), norm(5, 2), *head(180)],
    "zero padding": [*STEM, layer("ZeroPadding2D", {"padding": [[1, 0], [2, 1]]}),
                     conv(6, 5, input_quantizer="ste_sign"), norm(5, 2), *head(315)],
    "upsampling": [*STEM, layer("Activation", {"activation": "ste_sign"}), layer(
        "UpSampling2D", {"size": [2, 1]}), conv(6, 5, strides=[2, 2]), norm(5, 2), *head(105)],
    "permuted": [*STEM, conv(6, 5), norm(5, 2), layer("SteSign"), layer("Permute", {
        "dims": [2, 1, 3]}), *head(180)],
    "reshaped": [*STEM, conv(6, 5), norm(5, 2), layer("SteSign"), layer("Reshape", {
        "target_shape": [36, -1]}), *head(180)],
    "dropout": [*STEM, layer("Dropout", {"rate": 0.5}), conv(6, 5), norm(5, 2), *head(180)],
    "rescaling": [layer("Rescaling", {"scale": 2.0, "offset": -1.0}),
                  conv(3, 6, input_quantizer=None), norm(6), conv(6, 5), norm(5, 2),
                  *head(80)],
}


MAPS["pixels from -1 to 1"] = [layer("Rescaling", {"scale": 2.0, "offset": -1.0}), *STEM,
                               conv(6, 5), norm(5, 2), *head(180)]


MAPS["cropped"] = [*STEM, conv(6, 5), norm(5, 2), layer("SteSign"), layer("Cropping2D", {
    "cropping": [[1, 0], [2, 1]]}), *head(75)]


def signal(channels: int, outputs: int, taps: int = 3, **options: Any) -> Layer:
    return layer("QuantConv1D", {"kernel_size": [taps], **SIGN, **options},
                 kernel=normal(taps, channels, outputs))


TAPS = [signal(2, 6, padding="same", input_quantizer=None), norm(6)]

SIGNALS: dict[str, list[Layer]] = {
    "valid": [*TAPS, signal(6, 5), norm(5, 2), *head(50)],
    "same": [*TAPS, signal(6, 5, 4, padding="same"), norm(5, 2), *head(60)],
    "causal": [*TAPS, signal(6, 5, padding="causal", dilation_rate=[2]), norm(5, 2), *head(60)],
    "ones around, stride 2": [*TAPS, signal(6, 5, padding="same", pad_values=1.0, strides=2),
                              norm(5, 2), *head(30)],
    "groups": [*TAPS, signal(3, 6, groups=2), norm(6, 2), *head(60)],
    "max pool": [*TAPS, signal(6, 5), layer("MaxPooling1D", {"pool_size": [2]}), norm(5, 2),
                 *head(25)],
    "average": [*TAPS, signal(6, 5), layer("AveragePooling1D", {"pool_size": 2, "strides": [3]}),
                norm(5, 2), *head(15)],
    "global maximum": [*TAPS, signal(6, 20), layer("GlobalMaxPooling1D"), norm(20, 3),
                       layer("QuantDense", SIGN, kernel=normal(20, 4))],
    "QConv1D": [layer("QConv1D", {"kernel_size": [3], "kernel_quantizer": "binary",
                                  "use_bias": True}, kernel=normal(3, 2, 6), bias=bias(6)),
                norm(6), layer("QActivation", {"activation": "quantized_relu(2,1)"}),
                layer("QConv1D", {"kernel_size": 3, "kernel_quantizer": "ternary(alpha='auto')",
                                  "use_bias": False}, kernel=normal(3, 6, 5)), norm(5, 2),
                *head(40)],
}


def options(**more: Any) -> ImportOptions:
    return ImportOptions(name="net", check=Check(24), **more)


def compare(path: Path, network: Network, shape: tuple[int, ...]) -> None:
    """Compare the scores of an imported network with the execution of the Keras layers."""
    x = np.random.default_rng(4).integers(0, 256, (40, *shape))
    graph = load_keras(path)
    tensors = graph.run((x / np.float32(255)).astype(np.float32))
    reference = tensors[graph.outputs[0]].reshape(len(x), -1)
    assert len(np.unique(reference, axis=0)) > 2
    scores = network.graph.compute(x.reshape(len(x), *network.graph.input.shape))["scores"]
    same_order(scores, reference, 1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_maps(name: str, tmp_path: Path) -> None:
    model = sequential((8, 8, 3), MAPS[name])
    path = write_hdf5(tmp_path / "model.h5", model, MAPS[name])
    network = load_any(path, options())
    compare(path, network, (8, 8, 3))
    assert network.check is not None
    # The mean of 36 bits is rounded, so that equal scores can differ in the last bit.
    assert network.check["ties"] <= (2 if name == "global average" else 0)
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).graph.digest() == network.graph.digest()


@pytest.mark.parametrize("name", SIGNALS)
def test_signals(name: str, tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "m.h5", sequential((12, 2), SIGNALS[name]), SIGNALS[name])
    network = load_any(path, options())
    assert network.shape == (12, 2)
    compare(path, network, (12, 2))


@pytest.mark.parametrize("name", ["same", "causal", "ones around, stride 2", "max pool"])
def test_signals_with_channels_first(name: str, tmp_path: Path) -> None:
    layers = [(kind, {**given, **({"axis": 1} if kind == "BatchNormalization" else LAST)}, weights)
              for kind, given, weights in SIGNALS[name]]
    layers = [*layers[:-4], layers[-4], *SIGNALS[name][-3:]]  # a dense layer has no data format
    paths = [write_hdf5(tmp_path / "a.h5", sequential((12, 2), SIGNALS[name]), SIGNALS[name]),
             write_hdf5(tmp_path / "b.h5", sequential((2, 12), layers), layers)]
    networks = [load_any(path, options()) for path in paths]
    assert networks[0].graph.digest() == networks[1].graph.digest()


def test_causal_convolution_of_the_executor() -> None:
    from bnnhw.importers.keras.ops.geometry import Geometry
    from bnnhw.importers.keras.ops.products import Conv
    from bnnhw.importers.keras.quantisers.base import Kernel

    x, w = normal(2, 7, 3).astype(np.float32), normal(2, 1, 3, 4).astype(np.float32)
    geometry = Geometry((2, 1), (1, 1), (3, 1), signal=True, causal=True)
    y = Conv("y", ("x",), "c", "c", Kernel(w, w), geometry).compute(x)
    assert y.shape == (2, 7, 4)
    assert y[:, 5] == pytest.approx(x[:, 2] @ w[0, 0] + x[:, 5] @ w[1, 0], 1e-5)
    assert y[:, 1] == pytest.approx(x[:, 1] @ w[1, 0], 1e-5)


def test_product_with_a_gate(tmp_path: Path) -> None:
    """A map times a number for each channel, as squeeze-and-excite has it."""
    layers = [conv(3, 6, input_quantizer=None), norm(6), layer("QActivation", {
        "activation": "quantized_relu(2,1)"}), layer("GlobalAveragePooling2D", {"keepdims": True}),
        layer("BatchNormalization", gamma=[1] * 6, beta=[0.8] * 6, moving_mean=[0.5] * 6,
              moving_variance=[1] * 6),
        layer("QActivation", {"activation": "quantized_relu(3,1)"}), layer("Multiply"),
        layer("BatchNormalization", gamma=[1] * 6, beta=[0] * 6, moving_mean=[0.4] * 6,
              moving_variance=[1] * 6), *head(216)]
    model = functional(sequential((8, 8, 3), layers), keras_3=False)
    items = {item["name"]: item for item in model["config"]["layers"]}
    items["layer_6"]["inbound_nodes"] = [[["layer_2", 0, 0, {}], ["layer_5", 0, 0, {}]]]
    weights = {f"layer_{k}": one for k, one in enumerate(layers)}
    order = [item["name"] for item in model["config"]["layers"]]
    path = write_hdf5(tmp_path / "m.h5", model, [weights[n] for n in order if n in weights])
    network = load_any(path, options())
    assert "multiply" in [one.kind for one in network.layers]
    compare(path, network, (8, 8, 3))


@pytest.mark.parametrize("name", ["ones around", "stride 2, 3 x 2, ones", "depthwise", "groups",
                                  "average", "max pool, same", "separable"])
def test_channels_first(name: str, tmp_path: Path) -> None:
    """Layers of the other data format compute the same, with the axes exchanged."""
    layers = [(kind, {**given, **({} if kind == "BatchNormalization" else LAST)}, weights)
              for kind, given, weights in MAPS[name]]
    layers = [(kind, {**given, "axis": 1} if kind == "BatchNormalization" else given, weights)
              for kind, given, weights in layers]
    last = write_hdf5(tmp_path / "last.h5", sequential((8, 8, 3), MAPS[name]), MAPS[name])
    first = write_hdf5(tmp_path / "first.h5", sequential((3, 8, 8), layers), layers)
    networks = [load_any(path, options()) for path in (last, first)]
    assert networks[0].graph.digest() == networks[1].graph.digest()
    x = np.random.default_rng(3).normal(0, 1, (5, 8, 8, 3)).astype(np.float32)
    one, other = load_keras(last), load_keras(first)
    expected = one.run(x)[one.outputs[0]]
    found = other.run(np.moveaxis(x, -1, 1))[other.outputs[0]]
    assert np.abs(found - expected).max() < 1e-6


def test_convolution_of_the_executor() -> None:
    """A convolution by its definition: TensorFlow's padding, strides and dilation."""
    from bnnhw.importers.keras.ops.geometry import Geometry
    from bnnhw.importers.keras.ops.products import Conv, Depthwise
    from bnnhw.importers.keras.quantisers.base import Kernel

    x, w = normal(2, 7, 6, 4).astype(np.float32), normal(3, 2, 2, 6).astype(np.float32)
    geometry = Geometry((3, 2), (2, 1), (1, 2), same=True)
    y = Conv("y", ("x",), "c", "c", Kernel(w, w), geometry, 0.5).compute(x)
    assert y.shape == (2, 4, 6, 6)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=0.5)
    for row, column, k in [(0, 0, 0), (3, 5, 5), (2, 3, 2), (1, 4, 3)]:
        group = k // 3
        part = padded[:, 2 * row:2 * row + 3, column:column + 3:2, 2 * group:2 * group + 2]
        assert y[:, row, column, k] == pytest.approx((part * w[..., k]).sum(axis=(1, 2, 3)), 1e-5)
    v = normal(3, 2, 4, 2).astype(np.float32)
    y = Depthwise("y", ("x",), "c", "c", Kernel(v, v), geometry, 0.5).compute(x)
    part = padded[:, 4:7, 3:6:2]
    assert y[:, 2, 3, 5] == pytest.approx((part[..., 2] * v[..., 2, 1]).sum(axis=(1, 2)), 1e-5)


VECTORS: list[Layer] = [
    layer("QuantDense", {**BINARY, "units": 12}, kernel=normal(20, 12)), norm(12),
    layer("QuantDense", {**SIGN, "units": 6}, kernel=normal(12, 6)), norm(6, 2),
    layer("QuantDense", {**SIGN, "units": 4, "name": "last"}, kernel=normal(6, 4))]


def test_layouts_are_equal(tmp_path: Path) -> None:
    """The layouts of Keras 2, of 2.13 and of Keras 3, and both dialects of configurations."""
    model = sequential((20,), VECTORS)
    paths = [write_hdf5(tmp_path / "a.h5", model, VECTORS),
             write_archive(tmp_path / "b.keras", model, VECTORS),
             write_archive(tmp_path / "c.keras", model, VECTORS, "_layer_checkpoint_dependencies")]
    first, *others = model["config"]["layers"]
    without = {**model, "config": {"name": "m", "layers": [
        {**others[0], "config": {**others[0]["config"], "batch_input_shape": [None, 20]}},
        *others[1:]]}}
    rotated = [*VECTORS[-1:], *VECTORS[:-1]]
    built = {**model, "config": {"name": "m", "layers": others, "build_input_shape": [None, 20]}}
    paths += [write_hdf5(tmp_path / "d.h5", without, VECTORS),
              write_hdf5(tmp_path / "e.h5", built, VECTORS),
              write_hdf5(tmp_path / "f.h5", functional(model, keras_3=False), rotated),
              write_archive(tmp_path / "g.keras", functional(model, keras_3=True), rotated)]
    assert first["class_name"] == "InputLayer"
    networks = [load_any(path, options()) for path in paths]
    assert len({network.graph.digest() for network in networks}) == 1


def functional(model: dict[str, Any], keras_3: bool) -> dict[str, Any]:
    """The same chain of layers as a functional model, with its last layer first in the file."""
    items, previous = [], ""
    for item in json.loads(json.dumps(model["config"]["layers"])):
        name = item["config"]["name"]
        tensor = {"class_name": "__keras_tensor__", "config": {
            "shape": [None, 1], "dtype": "float32", "keras_history": [previous, 0, 0]}}
        nodes: list[Any] = []
        if previous:
            nodes = [{"args": [tensor], "kwargs": {}}] if keras_3 else [[[previous, 0, 0, {}]]]
        items.append({**item, "name": name, "inbound_nodes": nodes})
        previous = name
    ends = [[items[0]["name"], 0, 0]], [[previous, 0, 0]]
    if keras_3:
        items[0]["config"]["batch_shape"] = items[0]["config"].pop("batch_input_shape")
        ends = ends[0][0], ends[1][0]  # type: ignore[assignment]
    return {"class_name": "Functional", "config": {
        "name": "model", "layers": items[::-1][:1] + items[:-1], "input_layers": ends[0],
        "output_layers": ends[1]}}


def test_a_layer_that_is_called_twice(tmp_path: Path) -> None:
    layers = [layer("QuantDense", {**BINARY, "units": 8}, kernel=normal(8, 8)),
              norm(8), layer("QuantDense", {**SIGN, "units": 8}, kernel=normal(8, 8))]
    model = functional(sequential((8,), layers), keras_3=False)
    by_name = {item["name"]: item for item in model["config"]["layers"]}
    by_name["layer_2"]["inbound_nodes"] = [[["layer_1", 0, 0, {}]], [["layer_2", 0, 0, {}]]]
    model["config"]["output_layers"] = [["layer_2", 1, 0]]
    order = [item["name"] for item in model["config"]["layers"]]
    weights = dict(zip(("layer_0", "layer_1", "layer_2"), layers, strict=True))
    path = write_hdf5(tmp_path / "m.h5", model, [weights[n] for n in order if n in weights])
    network = load_any(path, options())
    assert [one.kind for one in network.layers] == ["dense", "dense", "dense", "argmax"]
    compare(path, network, (8,))


def test_sum_of_branches_by_an_operator(tmp_path: Path) -> None:
    """``x + y`` is a function of TensorFlow in Keras 2."""
    layers = [layer("QuantDense", {**BINARY, "units": 8}, kernel=normal(8, 8)), norm(8, 3),
              layer("QuantDense", {**SIGN, "units": 8}, kernel=normal(8, 8)),
              layer("TFOpLambda", {"function": "__operators__.add"}), norm(8),
              layer("QuantDense", {**SIGN, "units": 4}, kernel=normal(8, 4))]
    model = functional(sequential((8,), layers), keras_3=False)
    items = {item["name"]: item for item in model["config"]["layers"]}
    items["layer_3"]["inbound_nodes"] = [["layer_2", 0, 0, {"y": ["layer_1", 0, 0],
                                                           "name": None}]]
    order = [item["name"] for item in model["config"]["layers"]]
    weights = {f"layer_{k}": one for k, one in enumerate(layers)}
    path = write_hdf5(tmp_path / "m.h5", model, [weights[n] for n in order if n in weights])
    compare(path, load_any(path, options()), (8,))


def rejected(tmp_path: Path, layers: list[Layer], shape: tuple[int, ...] = (8, 8, 3)) -> str:
    path = write_hdf5(tmp_path / "model.h5", sequential(shape, layers), layers)
    with pytest.raises(ModelError) as error:
        load_any(path, options())
    return str(error.value)


def test_messages_name_the_layer(tmp_path: Path) -> None:
    real = layer("Dense", {"units": 4, "use_bias": False}, kernel=normal(192, 4))
    text = rejected(tmp_path, [layer("Flatten"), real])
    assert "layer 'layer_1' (Dense)" in text
    assert "real weights" in text
    assert "ste_sign" in text
    text = rejected(tmp_path, [*STEM, conv(6, 5, input_quantizer=None), *head(180)])
    assert "layer 'layer_2' (QuantConv2D)" in text
    assert "input_quantizer" in text
    text = rejected(tmp_path, [*STEM, conv(6, 5), layer("AveragePooling2D", {
        "pool_size": 4, "padding": "same"}), *head(20)])
    assert "padding='valid'" in text
    text = rejected(tmp_path, [*STEM, conv(6, 5, input_quantizer="magnitude_aware_sign"),
                               *head(180)])
    assert "depends on the sample" in text
    assert "layer 'layer_2'" in text
    assert "smaller" not in text


@pytest.mark.parametrize(("bad", "expected"), [
    (conv(6, 5, strides=[1, 0]), "positive integers"),
    (conv(6, 5, padding="causal"), "valid or same"),
    (conv(6, 5, (9, 9)), "larger than its map"),
    (conv(5, 5), "kernel of shape"),
    (conv(6, 5, dtype="float16"), "float32"),
    (layer("ReLU", {"threshold": 1.0}), "threshold"),
    (layer("Softmax", {"axis": 1}), "last axis"),
    (layer("Reshape", {"target_shape": [5, 5]}), "reshapes"),
    (layer("Permute", {"dims": [1, 1, 2]}), "permutes"),
    (layer("UpSampling2D", {"interpolation": "bilinear"}), "nearest"),
    (layer("UpSampling2D", {"size": [1 << 20, 1 << 20]}), "elements"),
    (layer("ZeroPadding2D", {"padding": [[1, -1], [0, 0]]}), "padding"),
    (layer("Activation", {"activation": "gelu"}), "not supported"),
    (layer("BatchNormalization", {"axis": [1, 2]}, gamma=[1], beta=[1], moving_mean=[1],
           moving_variance=[1]), "one axis"),
    (layer("BatchNormalization", {}, gamma=[1] * 6, beta=[1] * 6, moving_mean=[1] * 6,
           moving_variance=[-1] * 6), "not positive"),
    (layer("QConv2DBatchnorm", {}), "QConv2D followed by BatchNormalization"),
    (layer("TFOpLambda", {"function": "math.exp"}), "sum of two tensors"),
    (layer("Add", {}), "two equal ones"),
    (layer("Concatenate", {"axis": 0}), "not the batch"),
], ids=lambda value: value if isinstance(value, str) else value[0])
def test_rejected_options(bad: Layer, expected: str, tmp_path: Path) -> None:
    text = rejected(tmp_path, [*STEM, bad, *head(180)])
    assert expected in text
    assert "layer 'layer_2'" in text
