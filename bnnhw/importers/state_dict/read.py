"""Reads the arrays of a PyTorch file without executing anything that it contains."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.importers.torch_model.packages import torch_module
from bnnhw.ir.types import MAX_ELEMENTS

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["StateDict", "read_state_dict"]

MAX_BYTES = 1 << 30
"""Maximum size of a file, and of what it unpacks to."""

SHOWN_KEYS = 6
"""Keys that an error message lists."""


class StateDict:
    """Tensors by their keys; each is converted to an array when it is read.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    name : str
        What error messages name as the source, such as the file.
    """

    def __init__(self, tensors: Mapping[str, Tensor], name: str) -> None:
        self._tensors, self.name = dict(tensors), name
        self._read: set[str] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._tensors

    def keys(self) -> list[str]:
        return list(self._tensors)

    def unread(self) -> list[str]:
        """Return the keys that were not read."""
        return [key for key in self._tensors if key not in self._read]

    def array(self, key: str) -> np.ndarray:
        """Return a tensor as an array.

        Raises
        ------
        ConfigError
            It is missing, too large, or not numeric.
        """
        if key not in self._tensors:
            some = ", ".join(self.keys()[:SHOWN_KEYS]) or "none"
            raise ConfigError(f"has no tensor '{key}'", where=self.name,
                              hint=f"its tensors are {some}"
                              + (", ..." if len(self._tensors) > SHOWN_KEYS else ""))
        self._read.add(key)
        tensor = self._tensors[key]
        if tensor.numel() > MAX_ELEMENTS:
            raise ConfigError(f"tensor '{key}' has {tensor.numel()} elements, expected at most "
                              f"{MAX_ELEMENTS}", where=self.name)
        if tensor.is_complex() or tensor.is_quantized or tensor.layout != torch_module().strided:
            raise ConfigError(f"tensor '{key}' is complex, quantised or sparse, expected plain "
                              "numbers", where=self.name)
        if tensor.is_floating_point():  # numpy has no bfloat16
            tensor = tensor.double() if tensor.element_size() > 4 else tensor.float()
        return np.asarray(tensor.detach().cpu().numpy())


def read_state_dict(path: Path, entry: str | None = None) -> StateDict:
    """Read the state dict of a file that ``torch.save`` wrote.

    Parameters
    ----------
    path : Path
    entry : str or None
        Key of the state dict in a checkpoint that also contains other things; None where the file
        is the state dict itself.

    Raises
    ------
    ConfigError
        The file is missing or too large, contains Python objects other than tensors, or has no
        state dict there.
    ToolError
        torch is not installed.
    """
    _check_size(path)
    torch = torch_module()
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises exceptions of many types for a wrong file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"cannot be read as tensors alone: {reason}", where=str(path),
                          hint="save the state dict, torch.save(model.state_dict(), 'weights.pt')"
                          ) from None
    where = path.name
    if entry is not None:
        if not isinstance(found, Mapping) or entry not in found:
            raise ConfigError(f"has no entry '{entry}'", where=where, hint=_contents(found))
        found = found[entry]
    if not isinstance(found, Mapping):
        raise ConfigError(f"contains a {type(found).__name__}, expected a state dict", where=where,
                          hint="save torch.save(model.state_dict(), 'weights.pt')")
    tensors = {str(key): value for key, value in found.items()
               if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ConfigError("contains no tensors at its top", where=where, hint=_contents(found))
    return StateDict(tensors, where)


def _check_size(path: Path) -> None:
    """Check the size of a file, and of the zip archive inside, before torch reads it."""
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(member.file_size for member in archive.infolist()))
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from None
    if size > MAX_BYTES:
        raise ConfigError(f"contains {size} bytes, expected at most {MAX_BYTES}", where=path.name)


def _contents(found: object) -> str:
    if not isinstance(found, Mapping):
        return "save the state dict, torch.save(model.state_dict(), 'weights.pt')"
    entries = ", ".join(str(key) for key in list(found)[:SHOWN_KEYS])
    return f"its entries are {entries}; name the state dict by the key 'entry' of the description"
