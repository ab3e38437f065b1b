"""Tests numpy's file formats: headers of both versions, and archives without times."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from bnnhw.config.npy import npy_bytes, npz_bytes, read_header


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_header_is_read_without_the_data(version: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.zeros((3, 0, 2), np.int16), version=version)
    buffer.seek(0)
    assert read_header(buffer) == ((3, 0, 2), np.dtype(np.int16))


def test_archive_has_the_arrays_in_order() -> None:
    arrays = {"b.weights": np.arange(6).reshape(2, 3), "a": np.array(2.5), "label": np.zeros(0)}
    data = npz_bytes(arrays)
    with np.load(io.BytesIO(data)) as archive:
        assert archive.files == list(arrays)
        for name, array in arrays.items():
            assert archive[name].dtype == array.dtype
            assert np.array_equal(archive[name], array)
    assert len(npz_bytes({"x": np.zeros(10_000)})) < 1000  # compressed
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        assert {info.date_time for info in files.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert files.read("a.npy") == npy_bytes(arrays["a"])
