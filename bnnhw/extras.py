"""Names the ``pip`` command that installs an optional part (an "extra") of this installation."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

__all__ = ["TESTED", "install_command"]

TESTED = ((3, 11), (3, 14))
"""Oldest and newest version of Python for which every extra was found to have wheels (x86-64)."""


def install_command(*extras: str) -> str:
    """Give the command that adds extras to the bnnhw that is running.

    A clone, an unpacked archive and a wheel file are installed again from where they came, because
    that works before a release is on the package index and never mixes two versions.

    Parameters
    ----------
    *extras : str
        Keys of ``project.optional-dependencies`` in ``pyproject.toml``.

    Returns
    -------
    str
        For example ``pip install 'bnnhw[sim]'``. On a version of Python that is newer than all
        tested ones, a remark warns that an extra may have no wheel for it.
    """
    names = ",".join(extras)
    return f"pip install {_requirement(names)}{_remark()}"


def _requirement(extras: str) -> str:
    """The argument of ``pip install``, according to PEP 610's record of the installation."""
    try:
        text = importlib.metadata.distribution("bnnhw").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:  # imported from a source tree
        return f"--editable '{Path(__file__).parents[1]}[{extras}]'"
    if text is None:
        return f"'bnnhw[{extras}]'"
    record = json.loads(text)
    url = str(record["url"])
    folder = record.get("dir_info")
    if folder is None:
        return f"'bnnhw[{extras}] @ {url}'"
    option = "--editable " if folder.get("editable") else ""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname  # late: it imports the HTTP client

    return f"{option}'{url2pathname(urlsplit(url).path)}[{extras}]'"


def _remark() -> str:
    running = sys.version_info[:2]
    if running <= TESTED[1]:
        return ""
    oldest, newest = (".".join(map(str, version)) for version in TESTED)
    return (f" (wheels of all extras exist for Python {oldest} to {newest}; this is Python "
            f"{running[0]}.{running[1]}, where pip may find none)")
