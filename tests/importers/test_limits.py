"""Tests the policy of imports: size limits, and notes and certificates that must not get lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ConfigError, ModelError
from bnnhw.importers import finn_npz
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import load_network
from bnnhw.importers.onnx import model_file, window
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.registry import load_any
from bnnhw.importers.save import network_files
from tests.importers.map_models import MapBuilder
from tests.importers.test_external_data import save as save_with_external_data
from tests.importers.vector_models import DOMAIN, Builder


def three_levels() -> Builder:
    """A model whose Sign has the value 0 at even fan-in, which needs a note."""
    return Builder([1, 8]).matmul(6).then("Sign").matmul(3)


def test_a_model_has_a_maximum_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = three_levels().save(tmp_path)
    size = path.stat().st_size
    monkeypatch.setattr(model_file, "MAX_BYTES", size)
    import_onnx(path, name="net", input_type="bits", check=None)
    monkeypatch.setattr(model_file, "MAX_BYTES", size - 1)
    with pytest.raises(ModelError, match=f"is larger than {size - 1} bytes"):
        import_onnx(path, name="net", input_type="bits", check=None)


def test_external_data_counts_towards_the_size(tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_with_external_data(tmp_path)
    monkeypatch.setattr(model_file, "MAX_BYTES", path.stat().st_size)
    with pytest.raises(ModelError, match="with its external data"):
        import_onnx(path, name="net", input_type="bits", check=None)


@pytest.mark.parametrize("kind", ["Conv", "MaxPool", "AveragePool"])
def test_all_windows_together_have_a_maximum_size(kind: str, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    b = MapBuilder([1, 3, 6, 6]).bipolar()
    b = b.conv(3, (2, 2)) if kind == "Conv" else b.pool(kind, strides=[1, 1]).conv(3, (1, 1))
    path = b.give().save(tmp_path)
    monkeypatch.setattr(window, "MAX_WINDOW_ELEMENTS", 5 * 5 * 4 * 3)
    import_onnx(path, name="net", input_type="bits", check=None)
    monkeypatch.setattr(window, "MAX_WINDOW_ELEMENTS", 5 * 5 * 4 * 3 - 1)
    with pytest.raises(ModelError, match="windows have 300 elements in all, expected at most 299"):
        import_onnx(path, name="net", input_type="bits", check=None)


def test_a_topology_has_a_maximum_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, topology=np.array('{"layers": []}'))
    monkeypatch.setattr(finn_npz, "MAX_TOPOLOGY", 100)
    with pytest.raises(ConfigError, match="more than 100 bytes"):
        load_any(path)


def test_models_are_checked_by_default(tmp_path: Path) -> None:
    assert load_any(three_levels().save(tmp_path), ImportOptions(input_type="bits")).check
    assert load_any(three_levels().save(tmp_path),
                    ImportOptions(input_type="bits", check=None)).check is None


def test_notes_reach_the_user_and_the_folder(tmp_path: Path) -> None:
    network = import_onnx(three_levels().save(tmp_path), name="net", input_type="bits")
    assert [note for note in network.notes if "three levels" in note]
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).notes == network.notes


def signs(b: Builder, *shape: int) -> str:
    return b.constant(np.sign(b.random.normal(size=shape)))


def test_certificates_name_layers_of_the_network(tmp_path: Path) -> None:
    """Thresholds are fused into products, and unread layers removed; certificates follow."""
    b = Builder([1, 8]).matmul(6).bipolar()
    unread = b.add("BipolarQuant", [b.add("MatMul", [b.current, signs(b, 6, 4)]),
                                    b.constant(1.0)], DOMAIN)
    b.add("MatMul", [unread, signs(b, 4, 2)])
    network = import_onnx(b.matmul(3).save(tmp_path), name="net", input_type="bits")
    names = [layer.name for layer in network.graph.layers]
    assert [c.layer for c in network.certificates] == names[:1]


@pytest.mark.parametrize(("thresholds", "accepted"), [(16, True), (255, True), (256, False)])
def test_activations_have_at_most_256_levels(thresholds: int, accepted: bool,
                                             tmp_path: Path) -> None:
    b = Builder([1, 300]).matmul(2)
    levels = np.arange(-thresholds, thresholds, 2.0)[None]
    path = b.then("MultiThreshold", b.constant(levels), domain=DOMAIN, out_dtype="INT16",
                  data_layout="NC").matmul(3).save(tmp_path)
    if accepted:
        graph = import_onnx(path, name="net", input_type="bits").graph
        assert graph.layers[0].out_type().element.hi == thresholds
    else:
        with pytest.raises(ModelError, match="257 different values"):
            import_onnx(path, name="net", input_type="bits")
