"""The supported boards. To add one, write a file with ``BOARDS`` and add its name to ``_FILES``."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from bnnhw.errors import PlanError
from bnnhw.platforms.base import Board

__all__ = ["Board", "boards", "get_board"]

_FILES = ("icebreaker", "ice40_hx8k_evn", "ulx3s", "ecp5_evn", "orangecrab", "colorlight_i5",
          "tang_nano")


@cache
def boards() -> dict[str, Board]:
    """All boards by name."""
    modules = [import_module(f"bnnhw.platforms.{name}") for name in _FILES]
    return {board.name: board for module in modules for board in module.BOARDS}


def get_board(name: str) -> Board:
    """Look up a board by name."""
    known = boards()
    if name not in known:
        raise PlanError(f"unknown board '{name}'", hint=f"use one of {', '.join(known)}")
    return known[name]
