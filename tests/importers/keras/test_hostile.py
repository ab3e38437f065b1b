"""Tests that broken and hostile files are refused with a message, before memory is allocated."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("h5py", reason="h5py (extra 'keras') is not installed")
pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

import h5py

from bnnhw.errors import ModelError, ToolError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.keras import hdf5
from bnnhw.importers.registry import load_any
from tests.importers.keras.files import Layer, layer, sequential, write_archive, write_hdf5

RANDOM = np.random.default_rng(1)
LAYERS: list[Layer] = [
    layer("QuantDense", {"units": 6, "kernel_quantizer": "ste_sign", "use_bias": False},
          kernel=RANDOM.normal(0, 1, (4, 6))),
    layer("QuantDense", {"units": 3, "input_quantizer": "ste_sign", "use_bias": False,
                         "kernel_quantizer": "ste_sign"}, kernel=RANDOM.normal(0, 1, (6, 3)))]
MODEL = sequential((4,), LAYERS)
KERNEL = "model_weights/layer_0/layer_0/kernel:0"


def message(path: Path) -> str:
    with pytest.raises(ModelError) as error:
        load_any(path)
    return str(error.value)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_hdf5(tmp_path / "model.h5", MODEL, LAYERS)


def test_the_model_is_accepted(model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(model.read_bytes())  # recognised by its first bytes
    archive = write_archive(tmp_path / "model.keras", MODEL, LAYERS)
    (tmp_path / "archive").write_bytes(archive.read_bytes())
    digests = {load_any(path, ImportOptions(name="net")).graph.digest()
               for path in (model, tmp_path / "copy", archive, tmp_path / "archive")}
    assert len(digests) == 1


@pytest.mark.parametrize("length", [0, 4, 8, 100, 2000, -40])
def test_truncated_hdf5(model: Path, length: int) -> None:
    model.write_bytes(model.read_bytes()[:length])
    assert "model.h5" in message(model)


@pytest.mark.parametrize("length", [3, 200, 1500, -30])
def test_truncated_archive(tmp_path: Path, length: int) -> None:
    path = write_archive(tmp_path / "model.keras", MODEL, LAYERS)
    path.write_bytes(path.read_bytes()[:length])
    assert "model.keras" in message(path)


def test_overwritten_bytes(model: Path, tmp_path: Path) -> None:
    """No change of a byte causes another exception than a message of bnnhw."""
    good, random = model.read_bytes(), np.random.default_rng(2)
    for _ in range(25):
        data = bytearray(good)
        for position in random.integers(0, len(data), 8):
            data[position] = random.integers(256)
        model.write_bytes(bytes(data))
        with suppress(ModelError):
            load_any(model, ImportOptions(check=None))


def test_other_contents(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x80\x04\x95 a pickle")
    assert "neither an HDF5 file nor a zip archive" in message(path)
    assert "cannot be read" in message(tmp_path / "absent.keras")


CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {}


def change(expected: str) -> Callable[[Callable[[Any], object]], Callable[[Any], object]]:
    def register(function: Callable[[Any], object]) -> Callable[[Any], object]:
        CHANGES[function.__name__] = (function, expected)
        return function
    return register


@change("link")
def external_link(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("/etc/passwd", "/kernel")


@change("link")
def soft_link(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/model_weights")


@change("link")
def external_group(file: Any) -> None:
    del file["model_weights/layer_0"]
    file["model_weights/layer_0"] = h5py.ExternalLink("other.h5", "/")


@change("another file")
def external_storage(file: Any) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (4, 6), np.float32, external=[("/etc/passwd", 0, 96)])


@change("another file")
def virtual_dataset(file: Any) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((4, 6), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "kernel", (4, 6))
    file.create_virtual_dataset(KERNEL, layout)


@change("elements")
def too_large(file: Any) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (1 << 20, 1 << 20), np.float32, chunks=(64, 64))


@change("plug-in")
def unknown_filter(file: Any) -> None:
    del file[KERNEL]
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_chunk((4, 6))
    create.set_filter(32_015, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, KERNEL.encode(), h5py.h5t.NATIVE_FLOAT,
                    h5py.h5s.create_simple((4, 6)), create)


@change("numbers")
def texts_as_weights(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = np.array([b"a", b"b"])


@change("float64")
def other_type(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = np.ones((4, 6))


@change("NaN")
def not_a_number(file: Any) -> None:
    file[KERNEL][0, 0] = np.nan


@change("no dataset")
def missing_weights(file: Any) -> None:
    del file[KERNEL]


@change("expected 1 (kernel)")
def missing_layer(file: Any) -> None:
    del file["model_weights/layer_0"]


@change("kernel of shape")
def other_shape(file: Any) -> None:
    del file[KERNEL]
    file[KERNEL] = np.ones((6, 4), np.float32)


@change("no model")
def weights_only(file: Any) -> None:
    del file.attrs["model_config"]


@change("no JSON")
def broken_json(file: Any) -> None:
    file.attrs["model_config"] = b"{'layers': "


@change("no JSON")
def nested_json(file: Any) -> None:
    file.attrs["model_config"] = b"[" * 20_000


@change("expected a text")
def number_as_model(file: Any) -> None:
    file.attrs["model_config"] = np.arange(3)


@pytest.mark.parametrize("name", CHANGES)
def test_changed_files(name: str, model: Path) -> None:
    function, expected = CHANGES[name]
    with h5py.File(model, "r+") as file:
        function(file)
    assert expected in message(model)


def test_many_large_datasets(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "MAX_TOTAL", 30)
    assert "in all" in message(model)


CONFIGS: dict[str, tuple[Callable[[Any], object], str]] = {
    "Lambda": (lambda m: m["config"]["layers"].append(
        {"class_name": "Lambda", "config": {"name": "f", "function": ["4wEAAAA=", None, None]}}),
        "never executed"),
    "nested": (lambda m: m["config"]["layers"].append({"class_name": "Sequential", "config": {
        "name": "inner", "layers": []}}), "model inside of the model"),
    "class": (lambda m: m.update(class_name="MyModel"), "expected Sequential or Functional"),
    "unknown layer": (lambda m: m["config"]["layers"].append(
        {"class_name": "LSTM", "config": {"name": "f"}}), "'LSTM', which is not supported"),
    "no layers": (lambda m: m["config"].update(layers=[]), "no list"),
    "no name": (lambda m: m["config"]["layers"][1]["config"].pop("name"), "no name"),
    "same names": (lambda m: m["config"]["layers"][1]["config"].update(name="input_1"),
                   "same name"),
    "no shape": (lambda m: m["config"]["layers"][0]["config"].pop("batch_input_shape"),
                 "shape of its input"),
    "free shape": (lambda m: m["config"]["layers"][0]["config"].update(
        batch_input_shape=[None, None]), "known size"),
    "float16": (lambda m: m["config"]["layers"][1]["config"].update(dtype="mixed_float16"),
                "expected float32"),
    "list": (lambda m: m["config"].update(layers="x"), "no list"),
    "code in a name": (lambda m: m["config"]["layers"][1]["config"].update(
        kernel_quantizer="__import__('os').system('true')"), "expected a name"),
    "long name": (lambda m: m["config"]["layers"][1]["config"].update(
        kernel_quantizer="(" * 2000), "expected a name"),
    "quantiser": (lambda m: m["config"]["layers"][1]["config"].update(kernel_quantizer=[1]),
                  "expected its name"),
    "random numbers": (lambda m: m["config"]["layers"][1]["config"].update(
        kernel_quantizer="bernoulli(alpha=1.0)"), "draws random numbers"),
    "noise": (lambda m: m["config"]["layers"][1]["config"].update(kernel_quantizer={
        "class_name": "quantized_bits", "config": {"bits": 1, "qnoise_factor": 0.5}}),
        "qnoise_factor"),
    "argument": (lambda m: m["config"]["layers"][1]["config"].update(
        kernel_quantizer="binary(gamma=1)"), "unknown argument"),
    "text argument": (lambda m: m["config"]["layers"][1]["config"].update(
        kernel_quantizer="binary(alpha='x')"), "expected a number"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_changed_configurations(name: str, tmp_path: Path) -> None:
    function, expected = CONFIGS[name]
    config = json.loads(json.dumps(MODEL))
    function(config)
    path = tmp_path / "model.keras"
    write_archive(path, config, LAYERS)
    assert expected in message(path)


def test_archive_without_a_model(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../config.json", "{}")
        archive.writestr("data.pkl", b"\x80\x04.")
    assert "contains no 'config.json'" in message(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_archive_that_states_a_large_file(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "model.keras", MODEL, LAYERS)
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02", 0, data.rindex(b"model.weights.h5"))
    data[directory + 24:directory + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert "expected at most" in message(path)


def test_archive_that_unpacks_to_a_large_file(tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    from bnnhw.importers.keras import model_file

    monkeypatch.setattr(model_file, "MAX_CONFIG", 1000)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * 1_000_000)
        archive.writestr("model.weights.h5", b"")
    assert "expected at most 1000" in message(path)


def test_weights_in_an_archive_that_are_no_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(MODEL))
        archive.writestr("model.weights.h5", b"no HDF5")
    assert "no readable HDF5 file" in message(path)


def test_without_h5py(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ToolError, match="keras"):
        load_any(model)


def test_nothing_is_written(model: Path) -> None:
    before = model.read_bytes()
    load_any(model, ImportOptions(check=None))
    assert model.read_bytes() == before
    assert list(model.parent.iterdir()) == [model]


def test_bytes_are_not_a_path() -> None:
    """The archive's HDF5 file is read from memory."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["a"] = np.ones(3, np.float32)
    with hdf5.open_hdf5(io.BytesIO(buffer.getvalue()), "memory") as found:
        assert found.array("a").tolist() == [1, 1, 1]
        assert found.keys("b") == []
