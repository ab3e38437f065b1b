"""Tests the import of QONNX vectors: exact results, or an error that names the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.network import load_network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.save import network_files
from bnnhw.layers import Dense
from tests.importers.comparison import same_order
from tests.importers.vector_models import DOMAIN, Builder, execute


def signs(path: Path, features: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return random +-1 samples and the outputs of the model."""
    x = np.random.default_rng(5).choice([-1.0, 1.0], (n, features))
    return x, execute(path, x)


CHAINS: dict[str, Callable[[Builder], Builder]] = {
    "matmul": lambda b: b.matmul(8).batch_norm().bipolar().matmul(5),
    "gemm": lambda b: b.gemm(8).batch_norm().bipolar().gemm(5),
    "gemm without bias": lambda b: b.gemm(7, bias=False).bipolar().matmul(3),
    "gemm with alpha and beta": lambda b: b.gemm(6, alpha=0.5, beta=2.0).bipolar().matmul(4),
    "negative gamma": lambda b: b.matmul(9).batch_norm([-1.0, -0.3, 2.0]).bipolar().matmul(4),
    "zero gamma": lambda b: b.matmul(9).batch_norm([0.0, 1.0]).bipolar().matmul(4),
    "unipolar": lambda b: b.matmul(9).batch_norm().quant(1.0, 0.0).matmul(4),
    "unipolar, scaled": lambda b: b.matmul(8).batch_norm().quant(0.25, 0.0).matmul(6).batch_norm(),
    "signed 1-bit Quant": lambda b: b.matmul(8).batch_norm().quant(1.0, 0.0, signed=1).matmul(5),
    "signed 1-bit weights": lambda b: b.then("MatMul", b.add(
        "Quant", [b.constant(b.random.normal(size=(b.channels, b.channels))), b.constant(0.5),
                  b.constant(0.0), b.constant(1.0)], DOMAIN, signed=1, narrow=0,
        rounding_mode="ROUND")).batch_norm().bipolar().matmul(4),
    "scaled activations": lambda b: b.matmul(8).bipolar(0.5).matmul(6).batch_norm().bipolar(2.0)
    .matmul(3),
    "odd scales": lambda b: b.matmul(8, 0.3).batch_norm().bipolar(0.7).matmul(6, 0.11),
    "norm before sign of bits": lambda b: b.matmul(8).bipolar().batch_norm().bipolar().matmul(3),
    "elementwise extras": lambda b: b.matmul(8).then("Clip", b.constant(-4.0), b.constant(5.0))
    .then("Neg").then("Tanh").bipolar().matmul(4),
    "class scales": lambda b: b.matmul(8).bipolar().matmul(6).batch_norm([0.7, 1.9, 0.2]),
    "binary output": lambda b: b.matmul(8).batch_norm().bipolar().matmul(6).batch_norm().bipolar(),
    "bias node": lambda b: b.matmul(8).then("Add", b.constant(b.random.normal(size=8))).bipolar()
    .matmul(2).then("Mul", b.constant(-0.1)),
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("features", [10, 13])
def test_chain_is_imported_exactly(name: str, features: int, tmp_path: Path) -> None:
    path = CHAINS[name](Builder([1, features], seed=features)).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    x, reference = signs(path, features)
    found = imported.graph.compute(x.astype(np.int64))
    if name == "binary output":
        assert (found["bits"] == (reference > 0)).all()
    else:
        assert imported.scores is not None
        noise = 0.0 if imported.scores["exact_sums"] else 1e-5
        assert (noise > 0) == (name == "odd scales")
        same_order(found["scores"], reference, noise)
        top = np.sort(reference, axis=1)
        clear = top[:, -1] > top[:, -2] + noise
        assert (found["label"][clear] == reference.argmax(axis=1)[clear]).all()
    for file, data in network_files(imported).items():
        (tmp_path / file).write_bytes(data)
    loaded = load_network(tmp_path)
    assert loaded.graph.digest() == imported.graph.digest()
    assert loaded.certificates == imported.certificates


def test_image_head_with_shape_arithmetic(tmp_path: Path) -> None:
    b = Builder([1, 1, 3, 4])
    shape = b.add("Shape", ["x"])
    first = b.add("Gather", [shape, b.constant(0, np.int64)], axis=0)
    batch = b.add("Unsqueeze", [first, b.constant([0], np.int64)])
    target = b.add("Concat", [batch, b.constant([-1], np.int64)], axis=0)
    b.then("Reshape", target).then("Mul", b.constant(2.0)).then("Sub", b.constant([1.0])).bipolar()
    path = b.matmul(6).batch_norm().bipolar().matmul(3).save(tmp_path)
    imported = import_onnx(path, name="net")
    pixels = np.random.default_rng(0).integers(0, 256, (50, 12))
    floats = (pixels.astype(np.float32) / np.float32(255)).reshape(-1, 1, 3, 4)
    reference = np.concatenate([execute(path, floats[k:k + 1]) for k in range(50)])
    found = imported.graph.compute(pixels)
    same_order(found["scores"], reference)
    assert imported.graph.layers[0].params()["threshold"] == 128


def test_falling_pixels_are_inverted(tmp_path: Path) -> None:
    b = Builder([1, 9])
    path = b.then("Mul", b.constant(-1.0)).then("Add", b.constant(0.25)).bipolar().matmul(
        4).bipolar().matmul(3).save(tmp_path)
    imported = import_onnx(path, name="net")
    pixels = np.random.default_rng(0).integers(0, 256, (80, 9))
    reference = execute(path, pixels.astype(np.float32) / np.float32(255))
    assert (imported.graph.compute(pixels)["scores"] == reference).all()


def test_certificate_counts(tmp_path: Path) -> None:
    b = Builder([1, 8]).matmul(6)
    path = b.then("BatchNormalization", b.constant([1, -1, 0, 1, 1, 1]),
                  b.constant([0, 0, 3, 0, 99, 0]), b.constant([0, 0, 0, 2, 0, 1]),
                  b.constant(np.ones(6)), epsilon=0.0).bipolar().matmul(3).save(tmp_path)
    certificate = import_onnx(path, name="n", input_type="bits").certificates[0]
    assert certificate.channels == 6
    assert certificate.points == 9
    assert certificate.complemented == 1
    assert certificate.constant == 2
    assert certificate.ties == 3  # means 0, 0 and 2 are sums of 8 signs, 1 is not


def test_order_of_summation_is_counted(tmp_path: Path) -> None:
    b = Builder([1, 3]).matmul(4, scale=0.3)
    path = b.then("Sub", b.constant(np.float32(0.3) * np.ones(4))).bipolar().matmul(2).save(
        tmp_path)
    certificate = import_onnx(path, name="n", input_type="bits").certificates[0]
    assert certificate.order == 4


def text(b: Builder) -> str:
    import onnx
    b.constants.append(onnx.helper.make_tensor("text", onnx.TensorProto.STRING, [1], [b"x"]))
    return "text"


def second_output(b: Builder) -> Builder:
    """Append a bias that is the mask of a Dropout."""
    b.then("Dropout")
    b.nodes[-1].output.append("mask")
    return b.then("Gemm", b.weights(6), "mask")


def twice(b: Builder) -> Builder:
    b.matmul(6).then("Neg")
    b.nodes[-1].output[0] = b.nodes[-2].output[0]
    b.current = b.nodes[-1].output[0]
    return b.bipolar().matmul(2)


def largest_of_branches(b: Builder) -> Builder:
    first = b.matmul(6).bipolar().current
    return b.matmul(6).bipolar().then("Max", first).matmul(2)


REJECTED: dict[str, tuple[Callable[[Builder], Any], str]] = {
    "softmax inside": (lambda b: b.matmul(4).then("Softmax").matmul(3),
                       r"MatMul.*reads the result of .*Softmax.*end the model"),
    "real weights": (lambda b: b.then("MatMul", b.constant(b.random.normal(size=(6, 6)))),
                     r"MatMul.*real weights.*BipolarQuant"),
    "half a bit": (lambda b: b.matmul(6).quant(1.0, 0.0, bits=0.5).matmul(3),
                   r"Quant.*0.5 bits"),
    "real activations": (lambda b: b.matmul(6).then("Tanh").matmul(3),
                         r"have \d+ different values"),
    "nearly binary weights": (lambda b: b.then("MatMul", b.constant(
        (1 + 1e-7 * b.random.normal(size=(6, 6))) * b.random.choice([-1, 1], (6, 6)))),
        r"except for float rounding.*straight-through"),
    "largest of branches": (lambda b: largest_of_branches(b), r"Max.*combines two branches"),
    "convolution of a vector": (lambda b: b.then("Conv", b.constant(np.ones((1, 1, 1, 1)))),
                                "Conv.*groups"),
    "wrong matrix": (lambda b: b.then("MatMul", b.constant(np.ones((5, 6)))), r"shape \[5, 6\]"),
    "no matrix": (lambda b: b.bipolar(), "does not depend on the input through quantised weights"),
    "bad constant": (lambda b: b.matmul(6).then("Add", b.constant(np.ones(4))).bipolar().matmul(2),
                     r"constant of shape \[4\]"),
    "norm in training": (lambda b: b.matmul(6).then(
        "BatchNormalization", *(b.constant(np.ones(6)) for _ in range(4)), training_mode=1
        ).bipolar().matmul(2), "training mode"),
    "column of constants": (lambda b: b.matmul(6).then("Add", b.constant(np.ones((6, 1)))),
                            r"\[6, 1\]"),
    "foreign domain": (lambda b: b.matmul(6).then("Relu", domain="com.evil").matmul(2),
                       "domain 'com.evil'"),
    "double constant": (lambda b: b.matmul(6).then("Add", b.constant(np.ones(6), np.float64)),
                        "computes in float64"),
    "dropout in training": (lambda b: b.matmul(6).then(
        "Dropout", b.constant(0.5), b.constant(True, np.bool_)).bipolar().matmul(2),
        "training_mode"),
    "text constant": (lambda b: b.matmul(6).then("Add", text(b)), "expected numbers"),
    "second output": (lambda b: second_output(b), "second output that is not supported"),
    "name given twice": (lambda b: twice(b), "which another node or tensor defines too"),
    "infinity times zero": (lambda b: b.matmul(6).then("Div", b.constant(0.0)).then(
        "Mul", b.constant(0.0)).bipolar().matmul(2), "computes NaN"),
    "NaN": (lambda b: b.matmul(6).then("Add", b.constant(np.full(6, np.nan))), "NaN"),
    "negative variance": (lambda b: b.matmul(6).then(
        "BatchNormalization", *(b.constant(-np.ones(6)) for _ in range(4))).bipolar().matmul(2),
        "variances that are not positive"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_with_the_node(name: str, tmp_path: Path) -> None:
    build, text = REJECTED[name]
    b = Builder([1, 6])
    build(b)
    with pytest.raises(ModelError, match=text) as info:
        import_onnx(b.save(tmp_path), name="net", input_type="bits")
    assert "\n" not in str(info.value)


def test_constant_input_has_a_hint(tmp_path: Path) -> None:
    path = Builder([1, 6]).bipolar().matmul(3).save(tmp_path)
    with pytest.raises(ModelError, match="input_type=bits"):
        import_onnx(path, name="net")
    assert import_onnx(path, name="net", pixel_range=(-1.0, 1.0)).graph.layers[0].params()[
        "threshold"] == 128


def test_sums_of_one_input_are_scores(tmp_path: Path) -> None:
    """Two values without a quantiser are scores, not bits."""
    path = Builder([1, 1]).matmul(3).save(tmp_path)
    graph = import_onnx(path, name="net", input_type="bits").graph
    x, reference = signs(path, 1, 9)
    assert (graph.compute(x.astype(np.int64))["scores"] == reference).all()


def test_names_become_legal(tmp_path: Path) -> None:
    """A network whose exporter used names of any length and alphabet can be loaded."""
    b = Builder([1, 8])
    for _ in range(13):
        b.matmul(8).bipolar()
    b.matmul(3)
    for k, node in enumerate(n for n in b.nodes if n.op_type == "MatMul"):
        node.name = {1: "label", 2: "a/o_valid", 3: "s_axis/fc", 4: "wire"}.get(
            k, "größe/" + "very_long_layer_name_" * 3)
    imported = import_onnx(b.save(tmp_path), name="net", input_type="bits")
    for file, data in network_files(imported).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).graph.digest() == imported.graph.digest()


def test_tfc_is_exact_on_all_digits(tfc_onnx: Path,
                                    digits: tuple[np.ndarray, np.ndarray]) -> None:
    """Integer scores correspond to the reference's floats; labels are equal on ties, too."""
    x, labels = digits
    imported = import_onnx(tfc_onnx, name="tfc")
    found = imported.graph.compute(x)
    floats = (x.astype(np.float32) / np.float32(255)).reshape(-1, 1, 28, 28)
    reference = execute(tfc_onnx, floats)
    pairs = set(zip(found["scores"].ravel().tolist(), reference.ravel().tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    ordered = sorted(pairs)
    assert [b for _, b in ordered] == sorted(b for _, b in pairs)
    assert (found["label"] == reference.argmax(axis=1)).all()
    top = np.sort(reference, axis=1)
    assert int((top[:, -1] == top[:, -2]).sum()) == 22
    assert float((found["label"] == labels).mean()) == 0.933
    assert [d.outputs for d in imported.graph.layers if isinstance(d, Dense)] == [64, 64, 64, 10]


def test_onnxruntime_agrees_on_tfc(tfc_onnx: Path, digits: tuple[np.ndarray, np.ndarray]) -> None:
    """A second reference: the same model in standard operators through onnxruntime alone."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = onnx.load_model_from_string(tfc_onnx.read_bytes())
    graph = model.graph
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    for name, value in (("plus", 1.0), ("minus", -1.0), ("nought", 0.0)):
        graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    nodes = []
    for node in graph.node:
        if node.op_type == "BipolarQuant":  # every scale of this model is 1
            below = f"{node.output[0]}_below"
            nodes += [helper.make_node("Less", [node.input[0], "nought"], [below]),
                      helper.make_node("Where", [below, "minus", "plus"], [node.output[0]])]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    names = {t.name for t in graph.initializer}
    info = next(i for i in graph.input if i.name not in names)
    for value in (info, graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    del model.opset_import[:]
    model.opset_import.extend([helper.make_opsetid("", 9)])
    session = runtime.InferenceSession(model.SerializeToString(),
                                       providers=["CPUExecutionProvider"])
    x, _ = digits
    floats = (x.astype(np.float32) / np.float32(255)).reshape(-1, 1, 28, 28)
    reference = session.run(None, {info.name: floats})[0]
    found = import_onnx(tfc_onnx, name="tfc").graph.compute(x)
    assert (found["label"] == reference.argmax(axis=1)).all()
    same_order(found["scores"], reference)
