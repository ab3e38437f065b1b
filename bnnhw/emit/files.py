"""Writes result files atomically: either all of them or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bnnhw.errors import ConfigError

__all__ = ["writable", "write_files"]


def write_files(files: dict[Path, bytes]) -> None:
    """Write every file under a temporary name, and rename them all when they are complete.

    Raises
    ------
    ConfigError
        A folder or file cannot be written; temporary files are removed.
    """
    pending: list[tuple[str, Path]] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = _temporary_file(path)
            pending.append((temporary, path))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
        for temporary, path in pending:
            os.replace(temporary, path)
        pending.clear()
    except OSError as error:
        raise _write_error(path, error) from None
    finally:
        for temporary, _ in pending:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Check that a file can be written before the block that computes its content runs.

    Missing folders are created, and removed again if the block fails.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    made: list[Path] = []
    try:
        try:
            for folder in [*path.parents][::-1]:
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
            handle, temporary = _temporary_file(path)
            os.close(handle)
            os.unlink(temporary)
        except OSError as error:
            raise _write_error(path, error) from None
        yield
    except BaseException:
        for folder in made[::-1]:
            with suppress(OSError):  # the folder is no longer empty
                folder.rmdir()
        raise


def _temporary_file(path: Path) -> tuple[int, str]:
    """Create a temporary file in the folder of ``path``; returns its handle and name."""
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder")
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")


def _write_error(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot be written: {error.strerror}", where=str(path))
