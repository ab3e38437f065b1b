"""Where results that can be made again are kept."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir"]


def cache_dir(kind: str) -> Path:
    """Return (and make) the cache folder for one kind of result.

    ``BNNHW_CACHE`` names the root, else ``bnnhw`` under ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    root = os.environ.get("BNNHW_CACHE")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = str(Path(base) / "bnnhw")
    folder = Path(root) / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
