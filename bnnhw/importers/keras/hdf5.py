"""Reads HDF5 files from untrusted sources: no links to other files, and sizes before memory.

Only plain datasets are read: stored in the file itself, of numbers, uncompressed or compressed by
HDF5's built-in filters. Everything else is refused with an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bnnhw.errors import ModelError, ToolError
from bnnhw.extras import install_command
from bnnhw.ir.types import MAX_ELEMENTS

if TYPE_CHECKING:
    import h5py

__all__ = ["MAX_BYTES", "SafeFile", "h5py_module", "open_hdf5"]

MAX_BYTES = 1 << 30
"""Largest file."""

MAX_TEXT = 1 << 26
"""Largest attribute in bytes, such as the JSON of a model."""

MAX_TOTAL = 2 * MAX_ELEMENTS
"""Largest number of elements of all datasets that are read."""

BUILT_IN_FILTERS = frozenset({1, 2, 3})
"""deflate, shuffle and fletcher32; others are plug-ins, which HDF5 loads as libraries."""


def h5py_module() -> ModuleType:
    """Import the package h5py, or raise an error with the command that installs it."""
    try:
        import h5py
    except ImportError as error:
        raise ToolError("h5py, which reads the files of Keras, is not installed",
                        hint=install_command("keras")) from error
    return h5py


@contextmanager
def open_hdf5(source: Path | BinaryIO, where: str) -> Iterator[SafeFile]:
    """Open a file for reading.

    Parameters
    ----------
    source : Path or binary stream
    where : str
        Name of the file, for messages.

    Raises
    ------
    ModelError
        It is broken, or contains something that is refused; also while it is read.
    """
    module = h5py_module()
    try:
        with module.File(source, "r") as file:
            yield SafeFile(file, where)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError,
            MemoryError) as error:  # what h5py raises for broken files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"is no readable HDF5 file ({reason})", where=where,
                         hint="save the model again with model.save") from error


class SafeFile:
    """An open HDF5 file, whose groups and datasets are addressed by their path.

    Parameters
    ----------
    file : h5py.File
    where : str
        Name of the file, for messages.
    """

    def __init__(self, file: h5py.File, where: str) -> None:
        self._file, self._where = file, where
        self._elements = 0

    def _error(self, message: str) -> ModelError:
        return ModelError(message, where=self._where, hint="save the model again with model.save")

    def _find(self, path: str) -> h5py.Group | h5py.Dataset | None:
        """Follow hard links only; None where the path does not exist."""
        module, found = h5py_module(), self._file
        for part in path.split("/"):
            if not part:
                continue
            if not isinstance(found, module.Group):
                return None
            link = found.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, module.HardLink):
                raise self._error(f"has a link at '{path}' to another place or file, which is "
                                  "refused")
            found = found[part]
        return found

    def keys(self, path: str) -> list[str]:
        """Return the names in a group; empty where it does not exist."""
        found = self._find(path)
        return list(found.keys()) if isinstance(found, h5py_module().Group) else []

    def array(self, path: str) -> np.ndarray:
        """Read a dataset of numbers.

        Raises
        ------
        ModelError
            It does not exist, is too large, or is not stored in the file as plain numbers.
        """
        module, found = h5py_module(), self._find(path)
        if not isinstance(found, module.Dataset):
            raise self._error(f"has no dataset '{path}'")
        if found.external or found.is_virtual:
            raise self._error(f"stores '{path}' in another file, which is refused")
        create = found.id.get_create_plist()
        filters = {create.get_filter(k)[0] for k in range(create.get_nfilters())}
        if filters - BUILT_IN_FILTERS:
            raise self._error(f"compresses '{path}' with a plug-in, expected gzip or none")
        shape = tuple(int(n) for n in found.shape or ())
        if math.prod(shape) > MAX_ELEMENTS:
            raise self._error(f"has the shape {list(shape)} at '{path}', expected at most "
                              f"{MAX_ELEMENTS} elements")
        self._elements += math.prod(shape)
        if self._elements > MAX_TOTAL:
            raise self._error(f"has weights of more than {MAX_TOTAL} elements in all")
        if found.dtype.kind not in "biuf" or found.dtype.itemsize > 8:
            raise self._error(f"has the type {found.dtype} at '{path}', expected numbers")
        array = np.asarray(found[()])
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise self._error(f"has NaN or infinity at '{path}'")
        return array

    def text(self, path: str, name: str) -> str | None:
        """Read an attribute that is one text; None where it does not exist."""
        found = self._attribute(path, name)
        if found is None:
            return None
        value = found.item() if isinstance(found, np.ndarray) and found.ndim == 0 else found
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if not isinstance(value, str):
            raise self._error(f"has no text in the attribute '{name}'")
        return value

    def texts(self, path: str, name: str) -> list[str]:
        """Read a list of texts; Keras cuts a long one into ``name0``, ``name1``, ..."""
        found = self._attribute(path, name)
        parts = [] if found is None else [found]
        while found is None and len(parts) < MAX_ELEMENTS:
            part = self._attribute(path, f"{name}{len(parts)}")
            if part is None:
                break
            parts.append(part)
        values = [value for part in parts for value in np.ravel(np.asarray(part)).tolist()]
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]

    def _attribute(self, path: str, name: str) -> object | None:
        found = self._find(path)
        if found is None or name not in found.attrs:
            return None
        identifier = found.attrs.get_id(name)
        if identifier.get_storage_size() > MAX_TEXT or identifier.get_type().get_class() not in (
                h5py_module().h5t.STRING, h5py_module().h5t.ARRAY):
            raise self._error(f"has the attribute '{name}', expected a text")
        return found.attrs[name]
