"""Tests progress bars on a terminal: they move, and never claim more than is done."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")


def shown(script: str, **variables: str) -> str:
    """Return the output of a script on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", script], stdin=theirs, stdout=theirs,
                          stderr=theirs, env={**os.environ, "TERM": "xterm", **variables}):
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    return b"".join(parts).decode(errors="replace")


def frames(text: str, title: str) -> set[str]:
    """Return the different lines that a bar has shown."""
    return {line for line in text.replace("\x1b[2K", "\n").splitlines() if title in line}


STAGE = """
import time
from bnnhw.cli.stages import stages
with stages() as stage:
    {}
"""


def test_a_bar_that_is_stopped_keeps_its_fraction() -> None:
    text = shown(STAGE.format("stage('routing')(0.3); time.sleep(0.3); raise KeyboardInterrupt"))
    assert "30%" in text
    assert "routing: stopped" in text
    assert "100%" not in text


def test_a_failed_stage_is_not_shown_as_complete() -> None:
    text = shown(STAGE.format(
        "stage('routing')(0.4); stage.fail('too large'); stage('again')(0.1)"))
    last = [line for line in text.splitlines() if "routing" in line][-1]
    assert "routing: too large" in last
    assert "40%" in last
    assert "100%" in [line for line in text.splitlines() if "again" in line][-1]


def test_a_stage_without_fractions_moves() -> None:
    text = shown(STAGE.format("stage('compiling'); time.sleep(1)"))
    assert len(frames(text, "compiling")) > 4
    assert "0%" not in text.replace("100%", "")


WORK = """
import time
from bnnhw.cli.common import progress
with progress("working", {total}) as done:
    time.sleep(1)
    done(3)
    time.sleep(0.3)
"""


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
def test_work_of_unknown_length_moves(variables: dict[str, str]) -> None:
    text = shown(WORK.format(total=None), **variables)
    assert len(frames(text, "working")) > 4
    assert "/?" not in text
    assert "0:00:01" in text


def test_nothing_is_counted_before_the_first_part() -> None:
    text = shown(WORK.format(total=9))
    assert "0/9" not in text
    assert "3/9" in text
    assert len(frames(text, "working")) > 4
