"""Finds the folders in which bnnhw and its tools cache results that can be recomputed.

YoWASP's tools, Amaranth's Yosys (through wasmtime) and numba cache compiled code too, and fail if
they cannot write it. This module directs their caches to ``BNNHW_CACHE``, or to a temporary folder
if the cache cannot be written: a read-only home then costs time, but causes no failure.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bnnhw.errors import ToolError

__all__ = ["Caches", "cache_dir", "prepare_caches"]

_TOOL_CACHES = {"YOWASP_CACHE_DIR": "YoWASP", "NUMBA_CACHE_DIR": "numba"}
"""Environment variables for the caches of tools, and their folders below the root."""
_CACHE_KEYS = ("BNNHW_CACHE", "XDG_CACHE_HOME", "HOME", *_TOOL_CACHES)

_set_here: dict[str, tuple[str | None, str]] = {}
"""Environment variables that this module set: the value of the user, and the new value."""
_found: dict[tuple[str | None, ...], Caches] = {}


@dataclass(frozen=True)
class Caches:
    """The folder that contains all caches.

    Attributes
    ----------
    root : Path
    wanted : Path
        The folder that the environment names; it differs from ``root`` if it cannot be written.
    reason : str or None
        Why ``wanted`` cannot be written.
    """

    root: Path
    wanted: Path
    reason: str | None = None

    @property
    def note(self) -> str | None:
        """A warning for the user if nothing will be cached; else None."""
        if self.reason is None:
            return None
        return (f"the cache {self.wanted} cannot be written ({self.reason}): this run stores no "
                "results, and compiles each tool again, which takes up to minutes; set BNNHW_CACHE "
                "to another folder")


def prepare_caches() -> Caches:
    """Find a folder for caches that can be written, and direct the tools there.

    The folder is ``BNNHW_CACHE``, else ``bnnhw`` below ``XDG_CACHE_HOME`` or ``~/.cache``. The
    function sets environment variables of this process, which its child processes inherit;
    variables that the user set for a tool keep their values.

    Raises
    ------
    ToolError
        Neither the cache nor a temporary folder can be written.
    """
    key = tuple(_user_value(name) for name in _CACHE_KEYS)
    if key not in _found or set(_set_here) != _variables_to_set(_found[key]):
        _restore_variables()
        _found[key] = _find()
        if _variables_to_set(_found[key]):
            _set_variables(_found[key])
    return _found[key]


def cache_dir(kind: str) -> Path:
    """Return (and make) the cache folder for one kind of result."""
    folder = prepare_caches().root / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _user_value(name: str) -> str | None:
    """Value of a variable as the user set it; None if unset."""
    value = os.environ.get(name)
    original, replacement = _set_here.get(name, (None, None))
    return original if value is not None and value == replacement else value


def _restore_variables() -> None:
    """Restore the values of the user in all variables that this module set."""
    for name in list(_set_here):
        original = _user_value(name)
        if original is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = original
        del _set_here[name]


def _base() -> Path:
    """Folder in which tools cache by default."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(named) if named else Path.home() / ".cache"
    except RuntimeError:  # the user has no home folder
        return Path("~/.cache")


def _find() -> Caches:
    named = os.environ.get("BNNHW_CACHE")
    wanted = Path(named).absolute() if named else _base() / "bnnhw"
    reason = _unwritable(wanted)
    if reason is None:
        return Caches(wanted, wanted)
    try:
        root = tempfile.mkdtemp(prefix="bnnhw-cache-")
    except OSError as error:
        raise ToolError(f"neither the cache {wanted} ({reason}) nor a temporary folder can be "
                        f"written: {error.strerror or error}",
                        hint="set BNNHW_CACHE or TMPDIR to another folder") from None
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Caches(Path(root), wanted, reason)


def _unwritable(folder: Path) -> str | None:
    """Why no file can be created in a folder; None if one can."""
    if not folder.is_absolute():
        return "the user has no home folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _variables_to_set(caches: Caches) -> set[str]:
    """Variables to set for a cache: none if tools can use their default folders."""
    if not _user_value("BNNHW_CACHE") and caches.reason is None:
        return set()
    return {"XDG_CACHE_HOME", *(name for name in _TOOL_CACHES if _user_value(name) is None)}


def _set_variables(caches: Caches) -> None:
    """Set the variables for the caches of tools.

    A temporary root links to the compiled files of the default folders, so that they can be read.
    """
    before, temporary = _base(), caches.reason is not None
    for name in _variables_to_set(caches):
        # wasmtime, in which Amaranth's Yosys runs, reads XDG_CACHE_HOME alone.
        folder = caches.root / _TOOL_CACHES.get(name, "")
        if temporary and name in _TOOL_CACHES:
            _link_files(before / _TOOL_CACHES[name], folder)
        _set_here[name] = os.environ.get(name), str(folder)
    for name, (_, replacement) in _set_here.items():
        os.environ[name] = replacement
    if temporary and (before / "wasmtime").is_dir():
        with suppress(OSError):
            (caches.root / "wasmtime").symlink_to((before / "wasmtime").absolute())


def _link_files(source: Path, target: Path) -> None:
    """Recreate the folders of ``source`` in ``target``, with links to its files."""
    with suppress(OSError):
        for path in source.rglob("*"):
            if path.is_file():
                link = target / path.relative_to(source)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.absolute())
