"""Writing results: all of them or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bnnhw.errors import ConfigError

__all__ = ["place_for", "write_files"]


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
            handle, temporary = _beside(path)
            waiting.append((temporary, path))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(temporary, 0o644)
        for temporary, path in waiting:
            os.replace(temporary, path)
        waiting.clear()
    except OSError as error:
        raise _refusal(path, error) from None
    finally:
        for temporary, _ in waiting:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def place_for(path: Path) -> Iterator[None]:
    """Find out that a file can be written before the work for it begins.

    Folders that are made for it go again where the work fails.

    Raises
    ------
    ConfigError
        It cannot be written.
    """
    made: list[Path] = []
    try:
        try:
            for folder in [*path.parents][::-1]:
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
            handle, temporary = _beside(path)
            os.close(handle)
            os.unlink(temporary)
        except OSError as error:
            raise _refusal(path, error) from None
        yield
    except BaseException:
        for folder in made[::-1]:
            with suppress(OSError):  # something else lies there now
                folder.rmdir()
        raise


def _beside(path: Path) -> tuple[int, str]:
    """A new file beside the place of one, by its handle and name."""
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder")
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")


def _refusal(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot be written: {error.strerror}", where=str(path))
