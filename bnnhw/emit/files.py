"""Writing results: all of them or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bnnhw.errors import ConfigError

__all__ = ["write_files"]


def write_files(files: dict[Path, bytes]) -> None:
    """Write every file beside its place first, and move them all when they are complete.

    Raises
    ------
    ConfigError
        A folder or file cannot be written; no file is left behind then.
    """
    waiting: list[tuple[str, Path]] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(21, "is a folder")
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            waiting.append((temporary, path))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
        for temporary, path in waiting:
            os.replace(temporary, path)
        waiting.clear()
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(path)) from None
    finally:
        for temporary, _ in waiting:
            Path(temporary).unlink(missing_ok=True)
