"""Opens the files that Keras writes: HDF5 (``.h5``), and the zip archive of ``.keras``."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnnhw.errors import ModelError
from bnnhw.importers.keras.hdf5 import MAX_BYTES, SafeFile, open_hdf5

__all__ = ["HDF5_MAGIC", "MEMBERS", "open_keras"]

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"

MEMBERS = ("config.json", "model.weights.h5")
"""Files inside of a ``.keras`` archive that are read; all others are ignored."""

METADATA = "metadata.json"
"""File of the archive that names the version of Keras."""

MAX_CONFIG = 1 << 26
"""Largest JSON of a model in bytes."""


@contextmanager
def open_keras(path: Path) -> Iterator[tuple[object, str, SafeFile]]:
    """Open a saved model.

    Returns
    -------
    config : object
        The JSON of the model.
    version : str
        Version of Keras that saved it; empty where it is not stored.
    weights : SafeFile

    Raises
    ------
    ModelError
        The file is missing, broken, too large, or has weights without a model.
    """
    where = path.name
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            begin = stream.read(8)
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=where) from None
    if size > MAX_BYTES:
        raise ModelError(f"has {size} bytes, expected at most {MAX_BYTES}", where=where)
    if begin.startswith(b"PK"):
        with _open_archive(path, where) as found:
            yield found
        return
    if begin != HDF5_MAGIC:
        raise ModelError("is neither an HDF5 file nor a zip archive, expected a model saved by "
                         "Keras", where=where, hint="save it with model.save('model.h5') or "
                         "model.save('model.keras')")
    with open_hdf5(path, where) as file:
        text = file.text("", "model_config")
        if text is None:
            raise ModelError("contains weights but no model", where=where,
                             hint="save the model with model.save, not with model.save_weights")
        yield _parse(text, where), file.text("", "keras_version") or "", file


@contextmanager
def _open_archive(path: Path, where: str) -> Iterator[tuple[object, str, SafeFile]]:
    try:
        with zipfile.ZipFile(path) as archive:
            config, weights = (_member(archive, name, limit, where) for name, limit in
                               zip(MEMBERS, (MAX_CONFIG, MAX_BYTES), strict=True))
            metadata: object = {}
            if METADATA in archive.namelist():
                metadata = _parse(_member(archive, METADATA, MAX_CONFIG, where), where)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ModelError(f"is a broken zip archive ({error})", where=where,
                         hint="save the model again with model.save") from None
    with open_hdf5(io.BytesIO(weights), where) as file:
        version = metadata.get("keras_version") if isinstance(metadata, dict) else None
        yield _parse(config, where), str(version or ""), file


def _member(archive: zipfile.ZipFile, name: str, limit: int, where: str) -> bytes:
    """Unpack one file of the archive into memory, never more than its limit."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ModelError(f"contains no '{name}', expected a model saved by Keras", where=where,
                         hint="save it with model.save('model.keras')") from None
    if info.file_size > limit:
        raise ModelError(f"contains '{name}' of {info.file_size} bytes, expected at most {limit}",
                         where=where)
    try:
        with archive.open(info) as stream:
            data = stream.read(limit + 1)
    except Exception as error:  # zlib and zipfile raise several exceptions for broken data
        raise ModelError(f"is a broken zip archive ({error})", where=where,
                         hint="save the model again with model.save") from None
    if len(data) > limit:
        raise ModelError(f"contains '{name}' of more than {limit} bytes", where=where)
    return data


def _parse(text: str | bytes, where: str) -> object:
    if len(text) > MAX_CONFIG:
        raise ModelError(f"has a configuration of {len(text)} characters, expected at most "
                         f"{MAX_CONFIG}", where=where)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"has a configuration that is no JSON ({error})", where=where) from None
