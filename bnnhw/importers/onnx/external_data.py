"""Reads tensors that a model stores in other files, as ``torch.onnx.export`` does by default.

Only regular files inside the model's folder are read: no absolute paths, no ``..``, no links that
lead out of the folder. Offsets and lengths are checked against the file and the tensor's shape
before memory is allocated (ONNX, "External data"; CVE-2022-25882 and its successors).
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from bnnhw.errors import ModelError
from bnnhw.ir.types import MAX_ELEMENTS

if TYPE_CHECKING:
    from onnx import TensorProto

__all__ = ["read_external"]

HINT = "save the model with its weights inside (torch.onnx.export(..., external_data=False))"


def read_external(tensor: TensorProto, folder: Path, itemsize: int, where: str) -> None:
    """Read the bytes of a tensor into the tensor itself.

    Parameters
    ----------
    tensor : TensorProto
        Has ``external_data``, which is replaced by ``raw_data``.
    folder : Path
        Folder of the model; nothing outside of it is read.
    itemsize : int
        Bytes per element.
    where : str
        The model's file name, for errors.

    Raises
    ------
    ModelError
        The file is missing, lies outside of the folder, or is shorter than the tensor.
    """
    facts = {entry.key: entry.value for entry in tensor.external_data}
    dims = [int(d) for d in tensor.dims]
    if any(d < 0 for d in dims) or math.prod(dims) > MAX_ELEMENTS:
        raise ModelError(f"tensor '{tensor.name}' has shape {dims}, expected at most "
                         f"{MAX_ELEMENTS} elements", where=where)
    expected = math.prod(dims) * itemsize
    try:
        offset = int(facts.get("offset", "0"))
        length = int(facts.get("length", str(expected)))
    except ValueError:
        raise ModelError(f"tensor '{tensor.name}' has an offset or length that is not a number",
                         where=where, hint=HINT) from None
    if offset < 0 or length != expected:
        raise ModelError(f"tensor '{tensor.name}' of shape {dims} needs {expected} bytes, but its "
                         f"external data has offset {offset} and length {length}", where=where,
                         hint=HINT)
    path = _inside(facts.get("location", ""), folder, tensor.name, where)
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(length)
    except OSError as error:
        raise ModelError(f"tensor '{tensor.name}' is stored in '{path.name}', which cannot be "
                         f"read: {error.strerror}", where=where,
                         hint=f"keep '{path.name}' next to the model, or {HINT}") from None
    if len(data) != length:
        raise ModelError(f"tensor '{tensor.name}' needs {length} bytes from byte {offset} of "
                         f"'{path.name}', which is shorter", where=where,
                         hint="copy both files again, or " + HINT)
    tensor.raw_data = data
    del tensor.external_data[:]
    tensor.data_location = 0


def _inside(location: str, folder: Path, name: str, where: str) -> Path:
    """Return the path of a location, which has to be a regular file in the folder or below it."""
    parts = PurePosixPath(location).parts
    windows = PureWindowsPath(location)
    harmless = bool(parts) and "\0" not in location and ".." not in {*parts, *windows.parts} and \
        not windows.drive and not windows.root and not PurePosixPath(location).is_absolute()
    path = folder / location if harmless else folder
    inside = harmless and path.resolve().is_relative_to(folder.resolve())
    if not inside:
        raise ModelError(f"tensor '{name}' is stored at '{location}', outside of the model's "
                         "folder, where nothing is read", where=where, hint=HINT)
    if not path.is_file():
        raise ModelError(f"tensor '{name}' is stored in '{location}', which does not exist",
                         where=where, hint=f"keep '{location}' next to the model, or {HINT}")
    return path
