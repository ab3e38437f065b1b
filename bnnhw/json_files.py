"""Reads files that contain a JSON object, and reports those that are missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path

from bnnhw.errors import ConfigError
from bnnhw.json_types import Json

__all__ = ["read_json"]

MAX_BYTES = 1 << 30
"""Size up to which a file is read."""


def read_json(path: Path, *, missing: str, damaged: str) -> Json:
    """Read a JSON object from a file.

    Parameters
    ----------
    path : Path
    missing, damaged : str
        Hints for a file that cannot be read, and for one that is not a JSON object.

    Raises
    ------
    ConfigError
        The file cannot be read, is larger than ``MAX_BYTES``, or is not a JSON object.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"is larger than {MAX_BYTES:,} bytes", where=str(path))
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          hint=missing) from None
    except (ValueError, RecursionError):
        raise ConfigError("is damaged: it is not JSON", where=str(path), hint=damaged) from None
    if not isinstance(data, dict):
        raise ConfigError("is damaged: it is not a JSON object", where=str(path), hint=damaged)
    return data
