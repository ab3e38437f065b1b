"""The command line within this process, for tests of many commands: a start takes a second."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bnnhw.cli import main

__all__ = ["Called", "caller"]

Called = Callable[..., tuple[int, str, str]]


def caller(folder: Path, monkeypatch: pytest.MonkeyPatch,
           capsys: pytest.CaptureFixture[str]) -> Called:
    """What runs verbs in a folder, and returns exit code, standard output and standard error."""
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bnnhw", *arguments])
        back = os.getcwd()
        os.chdir(folder)
        try:
            with pytest.raises(SystemExit) as left:
                main()
        finally:
            os.chdir(back)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call
