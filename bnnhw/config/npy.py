"""Reads the headers of numpy's files without their data, and writes such files in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import IO

import numpy as np

__all__ = ["npy_bytes", "npz_bytes", "read_header"]

NO_TIME = (1980, 1, 1, 0, 0, 0)
"""Time of all files in an archive, so that equal arrays give equal bytes; the earliest of zip."""


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read shape and type of an ``.npy`` file; a damaged header can raise any exception."""
    version = np.lib.format.read_magic(stream)
    read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
            else np.lib.format.read_array_header_2_0)
    shape, _, dtype = read(stream)
    return tuple(int(n) for n in shape), dtype


def npy_bytes(array: np.ndarray) -> bytes:
    """Return the contents of an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return the contents of an ``.npz`` file with one compressed array per name, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", NO_TIME), npy_bytes(array),
                             zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
