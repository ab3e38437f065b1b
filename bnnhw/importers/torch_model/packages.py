"""Imports torch, or raises an error with the command that installs it."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from bnnhw.errors import ToolError
from bnnhw.extras import install_command

__all__ = ["require", "torch_module"]


def torch_module() -> ModuleType:
    """Import the package torch.

    Raises
    ------
    ToolError
        It is not installed.
    """
    require("torch")
    import torch

    return torch


def require(*packages: str, extra: str = "torch") -> None:
    """Raise ``ToolError`` with the command that installs an extra if a package is missing."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ToolError(f"the package {package} is not installed", hint=install_command(extra))
