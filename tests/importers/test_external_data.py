"""Tests weights in external files: they are read inside the model's folder, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

import onnx

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.importer import import_onnx
from tests.importers.vector_models import Builder


def builder() -> Builder:
    return Builder([1, 40], seed=2).matmul(12).batch_norm().bipolar().matmul(3)


def save(folder: Path, file: str = "weights.data") -> Path:
    """Store a model with its weights in a file of its folder, as PyTorch's exporter does."""
    path = folder / "model.onnx"
    onnx.save_model(builder().model(), str(path), save_as_external_data=True, location=file,
                    all_tensors_to_one_file=True, size_threshold=0)
    return path


def test_weights_next_to_the_model_are_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    inside_file = import_onnx(builder().save(inside), name="net", input_type="bits")
    outside_file = import_onnx(save(tmp_path), name="net", input_type="bits")
    assert outside_file.graph.digest() == inside_file.graph.digest()
    assert outside_file.check is not None


def test_weights_in_a_folder_below_are_read(tmp_path: Path) -> None:
    path = save(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "weights.data").rename(tmp_path / "data" / "w.bin")
    change(path, "location", lambda _: "data/w.bin")
    assert import_onnx(path, name="net", input_type="bits").check is not None


def weights_outside(folder: Path) -> tuple[Path, Path]:
    """Store a model in one folder, and its weights in another one."""
    inside, outside = folder / "model", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    path = save(inside)
    path.with_name("weights.data").rename(outside / "weights.data")
    return path, outside


def change(path: Path, key: str, new: Callable[[str], str]) -> None:
    """Change an entry of the external data of all tensors."""
    model: Any = onnx.load_model_from_string(path.read_bytes())
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == key:
                entry.value = new(entry.value)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("location", [
    "../outside/weights.data", "data/../../outside/weights.data", "/etc/hostname", "", ".",
    "C:\\weights.data", "..\\outside\\weights.data", "//server/weights.data", "a\0b"])
def test_nothing_outside_of_the_folder_is_read(location: str, tmp_path: Path) -> None:
    path, _ = weights_outside(tmp_path)
    change(path, "location", lambda _: location)
    with pytest.raises(ModelError, match=r"model\.onnx.*(outside of the model's folder|does not "
                                         r"exist).*external_data=False"):
        import_onnx(path, name="net", input_type="bits")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_links_out_of_the_folder_are_not_followed(kind: str, tmp_path: Path) -> None:
    path, outside = weights_outside(tmp_path)
    if kind == "file":
        os.symlink(outside / "weights.data", path.with_name("weights.data"))
    else:
        os.symlink(outside, path.with_name("below"))
        change(path, "location", lambda _: "below/weights.data")
    with pytest.raises(ModelError, match="outside of the model's folder"):
        import_onnx(path, name="net", input_type="bits")


@pytest.mark.parametrize(("key", "value", "message"), [
    ("length", "4", "needs 1920 bytes, but its external data has offset"),
    ("length", "many", "not a number"),
    ("offset", "-4", "offset -4"),
    ("offset", str(1 << 40), "which is shorter"),
])
def test_offsets_and_lengths_are_checked(key: str, value: str, message: str,
                                         tmp_path: Path) -> None:
    path = save(tmp_path)
    change(path, key, lambda _: value)
    with pytest.raises(ModelError, match=message):
        import_onnx(path, name="net", input_type="bits")


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = save(tmp_path)
    (tmp_path / "weights.data").unlink()
    with pytest.raises(ModelError, match=r"stored in 'weights\.data', which does not exist; keep "
                                         r"'weights\.data' next to the model"):
        import_onnx(path, name="net", input_type="bits")


def test_short_file_is_named(tmp_path: Path) -> None:
    path = save(tmp_path)
    data = (tmp_path / "weights.data").read_bytes()
    (tmp_path / "weights.data").write_bytes(data[:100])
    with pytest.raises(ModelError, match=r"'weights\.data', which is shorter"):
        import_onnx(path, name="net", input_type="bits")
