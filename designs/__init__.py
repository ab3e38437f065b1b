"""Reference designs that come with bnnhw, each trained by its own ``train.py``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["names", "path"]

_HERE = Path(__file__).parent


def names() -> list[str]:
    """List the designs."""
    return sorted(p.parent.name for p in _HERE.glob("*/net.yaml"))


def path(name: str) -> Path:
    """Folder of a design: ``net.yaml`` and ``weights.npz``."""
    return _HERE / name
