"""Recognises files that bnnhw cannot read, to say what they are and how to convert them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.errors import ConfigError, option

__all__ = ["is_pytorch", "reject_unsupported", "zip_members"]

HEADER_BYTES = 64


@dataclass(frozen=True)
class FileHead:
    """The parts of a file that identify its format.

    Attributes
    ----------
    path : Path
    begin : bytes
        The first ``HEADER_BYTES`` bytes; empty for a folder.
    members : tuple of str
        File names inside of a zip archive; empty for other files.
    """

    path: Path
    begin: bytes
    members: tuple[str, ...]


@dataclass(frozen=True)
class UnsupportedFormat:
    """A format without an importer.

    Attributes
    ----------
    title : str
        What a file of this format is, with its article.
    advice : str
        How the user gets from it to a format that bnnhw reads.
    recognises : function of FileHead
    """

    title: str
    advice: str
    recognises: Callable[[FileHead], bool]


IMPORT = "; then give bnnhw the ONNX file"


def _is_pytorch(head: FileHead) -> bool:
    pickled = _is_pickle(head) and head.path.suffix in (".pt", ".pth", ".ckpt")
    return pickled or any(name.rpartition("/")[2] == "data.pkl" for name in head.members)


def _is_pickle(head: FileHead) -> bool:
    return head.begin[:1] == b"\x80" and head.begin[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


UNSUPPORTED = (
    UnsupportedFormat(
        "a TensorFlow SavedModel",
        "convert it to ONNX: 'python -m tf2onnx.convert --saved-model FOLDER --output model.onnx'"
        + IMPORT, lambda head: (head.path / "saved_model.pb").is_file()),
    UnsupportedFormat(
        "a TensorFlow Lite model",
        "convert it to ONNX: 'python -m tf2onnx.convert --tflite FILE --output model.onnx'"
        + IMPORT, lambda head: head.begin[4:8] == b"TFL3"),
    UnsupportedFormat(
        "a PyTorch file, which contains weights and Python objects",
        "export the model to ONNX in Python: torch.onnx.export(model, x, 'model.onnx', "
        "external_data=False), or with Brevitas export_qonnx(model, x, 'model.onnx')" + IMPORT
        + "; a state dict is imported with a description of its layers, "
        + option("layers", "spec.yaml"),
        _is_pytorch),
    UnsupportedFormat("a Python pickle, which is never opened because it can run any program",
                      "export the model to ONNX, or its weights to an .npz", _is_pickle),
    UnsupportedFormat("a file of weights (safetensors)",
                      "it contains no graph: load it in its framework, and export the model to "
                      "ONNX", lambda head: head.path.suffix == ".safetensors"),
    UnsupportedFormat("the Verilog or the manifest of a generated design, expected a network",
                      "name the folder or the .yaml file that it was generated from",
                      lambda head: head.path.suffix in (".json", ".v") and head.path.is_file()),
)
"""Formats in the order in which they are tried: the specific ones first."""


def reject_unsupported(path: Path) -> None:
    """Raise an error for a file or folder of a known format that no importer reads.

    Only the first bytes of a file and the directory of a zip archive are read; nothing is unpacked
    or executed.

    Raises
    ------
    ConfigError
        Names the format and how to convert it.
    """
    head = _head(path)
    for known in UNSUPPORTED:
        if head is not None and known.recognises(head):
            raise ConfigError(f"is {known.title}", where=str(path), hint=known.advice)


def is_pytorch(path: Path) -> bool:
    """Whether a file is one that PyTorch wrote, by its first bytes and the names inside."""
    head = _head(path)
    return head is not None and _is_pytorch(head)


def _head(path: Path) -> FileHead | None:
    """Read the parts that identify the format; None for a file that cannot be read."""
    if path.is_dir():
        return FileHead(path, b"", ())
    try:
        with path.open("rb") as stream:
            begin = stream.read(HEADER_BYTES)
    except OSError:
        return None
    return FileHead(path, begin, zip_members(path) if begin.startswith(b"PK") else ())


def zip_members(path: Path) -> tuple[str, ...]:
    """Return the file names inside of a zip archive, without unpacking; empty if it is broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return ()
