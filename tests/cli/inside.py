"""Runs the command line within the test process, because a start of Python takes a second."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from bnnhw.cli import main

__all__ = ["Called", "caller", "run_inside"]

Called = Callable[..., tuple[int, str, str]]


def caller(folder: Path, monkeypatch: pytest.MonkeyPatch,
           capsys: pytest.CaptureFixture[str]) -> Called:
    """Return a function that runs a verb in a folder.

    It returns the exit code, the standard output and the standard error of the verb.
    """
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


def run_inside(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder, as ``subprocess.run`` would, with its output as text."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with (mock.patch.object(sys, "argv", ["bnnhw", *arguments]),
              contextlib.chdir(cwd or Path.cwd()),
              contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
              pytest.raises(SystemExit) as left):
            main()
    finally:
        signal.signal(signal.SIGTERM, handler)
    return subprocess.CompletedProcess(arguments, int(left.value.code or 0), out.getvalue(),
                                       err.getvalue())
