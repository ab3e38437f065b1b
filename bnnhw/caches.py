"""Finds the folders in which bnnhw and its tools cache results that can be recomputed.

Some tools keep what they compile too, and fail where they cannot: YoWASP's, Amaranth's Yosys
(through wasmtime) and numba. All of them follow ``BNNHW_CACHE``; where the cache cannot be
written, all of them use a temporary folder, so that a read-only home costs time and nothing else.
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

_OF_TOOLS = {"YOWASP_CACHE_DIR": "YoWASP", "NUMBA_CACHE_DIR": "numba"}
"""Variables that name the caches of tools, and the folders that they get below the root."""
_READ = ("BNNHW_CACHE", "XDG_CACHE_HOME", "HOME", *_OF_TOOLS)

_set_here: dict[str, tuple[str | None, str]] = {}
"""Variables that this module set: the value of the user, and the value that replaced it."""
_found: dict[tuple[str | None, ...], Caches] = {}


@dataclass(frozen=True)
class Caches:
    """The folder that caches lie in.

    Attributes
    ----------
    root : Path
    wanted : Path
        The folder that the environment names; it differs from ``root`` where it cannot be
        written.
    reason : str or None
        Why ``wanted`` cannot be written.
    """

    root: Path
    wanted: Path
    reason: str | None = None

    @property
    def note(self) -> str | None:
        """What a user has to know before the work starts; None for nothing."""
        if self.reason is None:
            return None
        return (f"the cache {self.wanted} cannot be written ({self.reason}): this run keeps "
                "nothing, and compiles each tool anew, which takes up to minutes; BNNHW_CACHE "
                "names another folder")


def prepare_caches() -> Caches:
    """Find a folder for caches that can be written, and lead the tools there.

    ``BNNHW_CACHE`` names the folder, else it is ``bnnhw`` below ``XDG_CACHE_HOME`` or
    ``~/.cache``. Afterwards the environment of this process, and of all that it starts, names the
    folders of the tools; variables that the user set for a tool keep their values.

    Raises
    ------
    ToolError
        Not even a temporary folder can be written.
    """
    key = tuple(_users_value(name) for name in _READ)
    if key not in _found or set(_set_here) != _to_set(_found[key]):
        _give_back()
        _found[key] = _find()
        if _to_set(_found[key]):
            _lead_tools(_found[key])
    return _found[key]


def cache_dir(kind: str) -> Path:
    """Return (and make) the cache folder for one kind of result."""
    folder = prepare_caches().root / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _users_value(name: str) -> str | None:
    """A variable as the user set it."""
    value = os.environ.get(name)
    users, ours = _set_here.get(name, (None, None))
    return users if value is not None and value == ours else value


def _give_back() -> None:
    """Set all variables as the user had them."""
    for name in list(_set_here):
        users = _users_value(name)
        if users is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = users
        del _set_here[name]


def _base() -> Path:
    """Where tools keep their caches when nothing else is named."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(named) if named else Path.home() / ".cache"
    except RuntimeError:  # a user without a home
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
                        hint="BNNHW_CACHE and TMPDIR name other folders") from None
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Caches(Path(root), wanted, reason)


def _unwritable(folder: Path) -> str | None:
    """Why no file can be made in a folder; None where it can."""
    if not folder.is_absolute():
        return "the user has no home folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _to_set(caches: Caches) -> set[str]:
    """Variables that have to be set for a cache: none where tools find their usual places."""
    if not _users_value("BNNHW_CACHE") and caches.reason is None:
        return set()
    return {"XDG_CACHE_HOME", *(name for name in _OF_TOOLS if _users_value(name) is None)}


def _lead_tools(caches: Caches) -> None:
    """Name the caches of tools in the environment.

    Below a temporary root, what was compiled before is read where it lies.
    """
    before, temporary = _base(), caches.reason is not None
    for name in _to_set(caches):
        # wasmtime, in which Amaranth's Yosys runs, is led by XDG_CACHE_HOME alone.
        folder = caches.root / _OF_TOOLS.get(name, "")
        if temporary and name in _OF_TOOLS:
            _link_files(before / _OF_TOOLS[name], folder)
        _set_here[name] = os.environ.get(name), str(folder)
    for name, (_, ours) in _set_here.items():
        os.environ[name] = ours
    if temporary and (before / "wasmtime").is_dir():
        with suppress(OSError):
            (caches.root / "wasmtime").symlink_to((before / "wasmtime").absolute())


def _link_files(source: Path, target: Path) -> None:
    """Make the folders of ``source`` again, with links to its files."""
    with suppress(OSError):
        for path in source.rglob("*"):
            if path.is_file():
                link = target / path.relative_to(source)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.absolute())
