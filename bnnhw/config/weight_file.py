"""Reads the weight file (.npz), and checks the sizes of its arrays before it loads them."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from bnnhw.config.arrays import CheckedArrays
from bnnhw.config.npy import read_header
from bnnhw.errors import ConfigError

__all__ = ["WeightFile"]


class WeightFile(CheckedArrays):
    """An ``.npz`` inside the network's folder.

    Parameters
    ----------
    folder : Path
        Folder of the layers.yaml; no file outside of it is opened.
    name : str
        File name as the layers.yaml gives it.

    Raises
    ------
    ConfigError
        The file is outside the folder, does not exist, or is not an .npz.
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(name)
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(f"'{name}' is outside the folder of the network", where="weights",
                              hint="put the file into the folder of the layers.yaml")
        if not path.is_file():
            raise ConfigError(f"'{name}' does not exist in the folder of the layers.yaml",
                              where="weights", hint="or write 'weights: random' to estimate sizes")
        try:
            with zipfile.ZipFile(path) as archive:
                self._sizes = {i.filename.removesuffix(".npy"): i.file_size
                               for i in archive.infolist()}
        except (zipfile.BadZipFile, OSError) as error:
            raise ConfigError(f"is not a numpy .npz file: {error}", where=name) from None
        self._path = path

    def keys(self) -> Collection[str]:
        return self._sizes.keys()

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array by its header alone; the values are not read."""
        self.check_known(key)
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(f"{key}.npy") as member:
                return read_header(member)[0]
        except Exception as error:  # a damaged header can raise any exception
            raise self._unreadable(key, error) from None

    def load(self, key: str, limit: int) -> np.ndarray:
        if self._sizes[key] > limit:
            raise ConfigError(f"array '{key}' takes {self._sizes[key]} bytes, expected at most "
                              f"{limit}", where=self.name)
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return np.asarray(archive[key])
        except Exception as error:  # numpy's errors for damaged files have no common base
            raise self._unreadable(key, error) from None

    def _unreadable(self, key: str, error: Exception) -> ConfigError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return ConfigError(f"array '{key}' cannot be read: {reason}", where=self.name)
