"""Tests how files are recognised: what they are, and which importer reads them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.errors import ConfigError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import load_network
from bnnhw.importers.registry import find_importer, import_model, load_any, load_native


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return buffer.getvalue()


FILES: dict[str, tuple[bytes, str, str]] = {
    "model.pt": (archive("model/data.pkl", "model/version"), "PyTorch", "torch.onnx.export"),
    "model.pth": (archive("archive/data.pkl"), "PyTorch", "export_qonnx"),
    "old.pt": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch", "torch.onnx.export"),
    "script.pt": (archive("m/code/__torch__.py", "m/data.pkl"), "PyTorch", "torch.onnx.export"),
    "anything.bin": (archive("model/data.pkl"), "PyTorch", "torch.onnx.export"),
    "model.ckpt": (archive("archive/data.pkl"), "PyTorch", "torch.onnx.export"),
    "old.ckpt": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch", "torch.onnx.export"),
    "model.tflite": (b"\x1c\0\0\0TFL3" + bytes(64), "TensorFlow Lite", "tf2onnx"),
    "model.pkl": (b"\x80\x04\x95\x10\0", "pickle", "ONNX"),
    "model.safetensors": (b"\x10\0\0\0\0\0\0\0{\"w\": {}}      ", "safetensors", "graph"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_frameworks(name: str, tmp_path: Path) -> None:
    content, what, advice = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    for load in (import_model, load_native, load_any):
        with pytest.raises(ConfigError) as error:
            load(path)
        assert what in error.value.message
        assert advice in str(error.value.hint)
        assert name in str(error.value.where)


def test_folders_for_import(tmp_path: Path) -> None:
    def rejected() -> str:
        with pytest.raises(ConfigError) as error:
            import_model(tmp_path)
        return str(error.value)

    assert "is a folder without a net.yaml" in rejected()
    (tmp_path / "a.onnx").write_bytes(b"")
    assert "name the model file" in rejected()
    assert "a.onnx" in rejected()
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert "SavedModel" in rejected()
    assert "tf2onnx" in rejected()
    (tmp_path / "net.yaml").write_text("name: n\n")
    assert "is a network of bnnhw already" in rejected()


def test_folders_as_networks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"net.yaml.*does not exist.*bnnhw list designs"):
        load_network(tmp_path)
    with pytest.raises(ConfigError, match=r"nowhere.*does not exist.*net.yaml"):
        load_native(tmp_path / "nowhere")
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"SavedModel.*tf2onnx"):
        load_native(tmp_path)


def test_files_for_another_command(tmp_path: Path) -> None:
    yaml, onnx, npz = tmp_path / "net.yaml", tmp_path / "m.onnx", tmp_path / "w.npz"
    yaml.write_text("name: n\n")
    onnx.write_bytes(b"\x08\x08:\x10")
    np.savez(npz, w0=np.ones(3))
    manifest = tmp_path / "d.json"
    manifest.write_text(json.dumps({"schema": "bnnhw.manifest/1"}))
    with pytest.raises(ConfigError, match="is a network of bnnhw already"):
        import_model(yaml)
    for path, advice in ((onnx, "import it"), (npz, "import it"), (manifest, "manifest")):
        with pytest.raises(ConfigError) as error:
            load_native(path)
        assert advice in str(error.value)


def test_models_under_other_names(tmp_path: Path) -> None:
    """ONNX is recognised by its first bytes; other unknown files are rejected."""
    model, other = tmp_path / "model.bin", tmp_path / "other.bin"
    model.write_bytes(b"\x08\x08\x12\x04test")
    other.write_bytes(b"\x08\x80\x12\x04test")
    assert find_importer(model).name == "onnx"
    with pytest.raises(ConfigError, match=r"other.bin.*unknown format.*\.onnx"):
        find_importer(other)


@pytest.mark.parametrize(("options", "text"), [
    ({"input_type": "words"}, "words.*is unknown.*uint8, int8, bits"),
    ({"pixel_range": (1.0, 1.0)}, "both numbers of .*pixel_range.* are 1"),
])
def test_options_are_checked(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        ImportOptions(**options)


@pytest.mark.parametrize(("file", "name"), [("tfc.onnx", "tfc"), ("9 lives.onnx", "net_9_lives"),
                                            ("module.onnx", "net_module"), ("\u00e9.onnx", "net"),
                                            ("bnnhw_tfc.onnx", "net_bnnhw_tfc"),
                                            ("x_i_valid.onnx", "net")])
def test_names_follow_from_files(file: str, name: str) -> None:
    assert ImportOptions().name_for(Path(file)) == name
    assert ImportOptions(name="given").name_for(Path(file)) == "given"
