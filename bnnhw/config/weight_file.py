"""The weight file: arrays by name, with their sizes checked before they are read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from bnnhw.errors import ConfigError

__all__ = ["MemoryArrays", "WeightFile"]

AXES = ((1, 0), (0, 2, 1), (2, 0, 1), (0, 2, 3, 1), (3, 0, 1, 2))
"""Orders of axes that turn the weights of PyTorch and Keras into rows with channels last."""


def _transposed(given: tuple[int, ...], shapes: tuple[tuple[int, ...], ...]) -> str | None:
    """Name the transposition that gives an array one of the shapes, where there is one."""
    for axes in AXES:
        if len(axes) == len(given) and tuple(given[axis] for axis in axes) in shapes:
            return (f"weights are [outputs, rows, columns, channels] here: write "
                    f"w.transpose({', '.join(map(str, axes))})")
    return None


class _NamedArrays:
    """Arrays by name, which are checked when a layer reads them.

    Parameters
    ----------
    name : str
        What errors call the collection.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._keys()

    def _keys(self) -> Collection[str]:
        raise NotImplementedError

    def _fetch(self, key: str) -> np.ndarray:
        raise NotImplementedError

    def _check_size(self, key: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Reject an array that is too large for every given shape, before it is read."""

    def _known(self, key: str) -> None:
        if key not in self:
            some = ", ".join(sorted(self._keys())[:6]) or "no arrays"
            raise ConfigError(f"has no array '{key}'", where=self.name, hint=f"it holds {some}")

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read one array that has one of the given shapes; finite numbers only.

        Raises
        ------
        ConfigError
            It is missing, has another shape, is not numeric, or holds NaN or infinities.
        """
        self._known(key)
        self._read.add(key)
        self._check_size(key, shapes)
        array, expected = self._fetch(key), " or ".join(map(str, shapes))
        if array.dtype.kind not in "biuf":
            raise ConfigError(f"array '{key}' has type {array.dtype}, expected numbers",
                              where=self.name)
        if array.shape not in shapes:
            raise ConfigError(f"array '{key}' has shape {array.shape}, expected {expected}",
                              where=self.name, hint=_transposed(array.shape, shapes))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            raise ConfigError(f"array '{key}' holds {count} values that are NaN or infinite",
                              where=self.name)
        return array

    def refuse_unread(self, *known: str) -> None:
        """Refuse arrays that no layer asked for, except ``known``: they have some purpose."""
        unread = sorted(set(self._keys()) - self._read - set(known))
        if unread:
            norm = any(k.endswith((".gamma", ".beta", ".mean", ".var")) for k in unread)
            raise ConfigError(f"holds arrays that nothing reads: {', '.join(unread[:6])}",
                              where=self.name, hint="add 'batch_norm: true' to the layer" if norm
                              else "remove them, or mend their names")

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read an array whose values must be integers, as int64."""
        array = self.array(key, *shapes)
        if array.dtype.kind == "f" and (array != np.round(array)).any():
            raise ConfigError(f"array '{key}' holds fractions, expected integers", where=self.name)
        bits = 53 if array.dtype.kind == "f" else 62
        if array.size and max(-int(array.min()), int(array.max())) > 1 << bits:
            raise ConfigError(f"array '{key}' holds values beyond 2**{bits}", where=self.name)
        return array.astype(np.int64)

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read weights given as 0/1 or as -1/+1, as uint8 0/1."""
        array = self.array(key, *shapes)
        values = np.unique(array)
        if np.isin(values, (0, 1)).all():
            return array.astype(np.uint8)
        if np.isin(values, (-1, 1)).all():
            return (array > 0).astype(np.uint8)
        raise ConfigError(f"array '{key}' holds {len(values)} different values from "
                          f"{values[0]:g} to {values[-1]:g}, expected 0/1 or -1/+1",
                          where=self.name, hint="binarise the weights first")


class MemoryArrays(_NamedArrays):
    """Arrays in memory, by the names that they would have in a weight file.

    Parameters
    ----------
    arrays : dict of str to array
    name : str
        What errors call the collection.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        super().__init__(name)
        self._arrays = {key: np.array(array) for key, array in arrays.items()}

    def shape(self, key: str) -> tuple[int, ...]:
        self._known(key)
        return self._arrays[key].shape

    def _keys(self) -> Collection[str]:
        return self._arrays.keys()

    def _fetch(self, key: str) -> np.ndarray:
        return self._arrays[key]


class WeightFile(_NamedArrays):
    """An ``.npz`` inside the network's folder.

    Parameters
    ----------
    folder : Path
        Folder of the layers.yaml; nothing outside of it is opened.
    name : str
        File name as the layers.yaml gives it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(name)
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(f"'{name}' lies outside the folder of the network", where="weights",
                              hint="put the file beside the layers.yaml")
        if not path.is_file():
            raise ConfigError(f"'{name}' does not exist beside the layers.yaml", where="weights",
                              hint="or write 'weights: random' to look at sizes")
        try:
            with zipfile.ZipFile(path) as archive:
                self._sizes = {i.filename.removesuffix(".npy"): i.file_size
                               for i in archive.infolist()}
        except (zipfile.BadZipFile, OSError) as error:
            raise ConfigError(f"is not a numpy .npz file: {error}", where=name) from None
        self._path = path

    def _keys(self) -> Collection[str]:
        return self._sizes.keys()

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array by its header alone; nothing but the header is read."""
        self._known(key)
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(f"{key}.npy") as member:
                version = np.lib.format.read_magic(member)
                read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                        else np.lib.format.read_array_header_2_0)
                return tuple(int(n) for n in read(member)[0])
        except Exception as error:  # a broken header can fail in any way
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"array '{key}' cannot be read: {reason}", where=self.name) from None

    def _check_size(self, key: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        limit = 8 * max(math.prod(shape) for shape in shapes) + 4096
        if self._sizes[key] > limit:
            raise ConfigError(f"array '{key}' takes {self._sizes[key]} bytes, expected shape "
                              f"{' or '.join(map(str, shapes))}", where=self.name)

    def _fetch(self, key: str) -> np.ndarray:
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return np.asarray(archive[key])
        except Exception as error:  # numpy has no common base for what a broken file can raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"array '{key}' cannot be read: {reason}", where=self.name) from None
