"""Recognising files that are no input of bnnhw, to say what they are and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

from bnnhw.errors import ConfigError

__all__ = ["refuse_as_model", "refuse_as_network"]

PYTORCH = ("a PyTorch file, which holds weights and Python objects",
           "export the model to ONNX in Python: torch.onnx.export(model, x, 'model.onnx', "
           "external_data=False), or with Brevitas export_qonnx(model, x, 'model.onnx'); then run "
           "'bnnhw import model.onnx -o FOLDER'")
KERAS = ("convert it to ONNX: 'python -m tf2onnx.convert --keras FILE --output model.onnx'; then "
         "run 'bnnhw import model.onnx -o FOLDER'")
SAVED_MODEL = ("a TensorFlow SavedModel",
               "convert it to ONNX: 'python -m tf2onnx.convert --saved-model FOLDER --output "
               "model.onnx'; then run 'bnnhw import model.onnx -o FOLDER'")
NO_GRAPH = "it holds no graph: load it in its framework, and export the model to ONNX"
MODEL_SUFFIXES = (".onnx", ".npz")


def _recognise(path: Path) -> tuple[str, str] | None:
    """What a file or folder of a framework is, and what to do with it; None for others."""
    if path.is_dir():
        return SAVED_MODEL if (path / "saved_model.pb").is_file() else None
    try:
        with path.open("rb") as stream:
            begin = stream.read(64)
    except OSError:
        return None
    if begin.startswith(b"\x89HDF\r\n\x1a\n"):
        return "an HDF5 file, as Keras and Larq write it", KERAS
    if begin[4:8] == b"TFL3":
        return ("a TensorFlow Lite model",
                "convert it to ONNX: 'python -m tf2onnx.convert --tflite FILE --output model.onnx'")
    if begin.startswith(b"PK"):
        return _recognise_zip(path)
    if begin[:1] == b"\x80" and begin[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PYTORCH if path.suffix in (".pt", ".pth", ".ckpt") else (
            "a Python pickle, which is never opened because it can run any program",
            "export the model to ONNX, or its weights to an .npz")
    if path.suffix == ".safetensors":
        return "a file of weights (safetensors)", NO_GRAPH
    return None


def _recognise_zip(path: Path) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return None
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return PYTORCH
    if "config.json" in names and "model.weights.h5" in names:
        return "a Keras model", KERAS
    return None


def _refuse(path: Path) -> None:
    known = _recognise(path)
    if known is not None:
        what, advice = known
        raise ConfigError(f"is {what}", where=str(path), hint=advice)


def refuse_as_model(path: Path) -> None:
    """Refuse what ``bnnhw import`` cannot read.

    Raises
    ------
    ConfigError
        It is a network of bnnhw already, a folder, or a file of a framework.
    """
    if path.suffix in (".yaml", ".yml") or (path / "net.yaml").is_file():
        raise ConfigError("is a network of bnnhw already", where=str(path),
                          hint=f"use it as it is, such as 'bnnhw check {path}'")
    _refuse(path)
    if path.is_dir():
        models = sorted(p for p in path.iterdir() if p.suffix in MODEL_SUFFIXES)
        raise ConfigError("is a folder, expected a model file", where=str(path),
                          hint=f"name the file: 'bnnhw import {models[0]} -o FOLDER'" if models
                          else "name an .onnx file or a FINN .npz")


def refuse_as_network(path: Path) -> None:
    """Refuse what is no folder with a net.yaml and no .yaml file, but something else.

    Raises
    ------
    ConfigError
        It is a file of a framework, a model to import, or a generated design.
    """
    if (path / "net.yaml").is_file() or path.suffix in (".yaml", ".yml"):
        return
    _refuse(path)
    if path.is_file() and path.suffix in MODEL_SUFFIXES:
        what = "an ONNX model" if path.suffix == ".onnx" else "an .npz of arrays"
        raise ConfigError(f"is {what}, expected a network", where=str(path),
                          hint=f"run 'bnnhw import {path} -o FOLDER' and use FOLDER")
    if path.is_file() and path.suffix in (".json", ".v"):
        raise ConfigError("is the Verilog or the manifest of a generated design, expected a "
                          "network", where=str(path),
                          hint="name the folder or the .yaml file that it was generated from")
