"""Reads arrays of samples from files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from bnnhw.config.npy import read_header
from bnnhw.errors import ConfigError
from bnnhw.ir import Graph

__all__ = ["read_array", "read_samples"]

MAX_BYTES = 1 << 33


def read_array(path: Path) -> np.ndarray:
    """Read an ``.npy`` file, and check its header before memory is allocated."""
    try:
        with path.open("rb") as stream:
            shape, dtype = read_header(stream)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > MAX_BYTES:
            raise ConfigError(f"has an array of shape {shape} and type {dtype}; expected numbers "
                              f"of at most {MAX_BYTES:,} bytes", where=path.name)
        return np.atleast_1d(np.load(path, allow_pickle=False))
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except Exception as error:  # a broken header raises many kinds of errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"is not a numpy .npy file: {reason}", where=path.name) from None


def read_samples(path: Path, graph: Graph, layout: str | None = None) -> np.ndarray:
    """Read input samples from an ``.npy`` file, and convert them to the network's layout.

    Raises
    ------
    ConfigError
        The network does not accept their shape or their values.
    """
    return graph.accept_input(read_array(path), layout)
