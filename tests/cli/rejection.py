"""Runs verbs that must reject their input: one line of error, exit code 2, and no new file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.cli.inside import run_inside

__all__ = ["ARRAYS", "YAML", "check_rejected", "write"]

YAML: dict[str, Any] = {
    "name": "net", "input": {"shape": [6], "type": "bits"}, "weights": "weights.npz",
    "layers": [{"dense": 4, "name": "a"}, {"dense": 3, "name": "b", "output": "scores"}, "argmax"],
}
ARRAYS: dict[str, np.ndarray] = {
    "a.weights": np.ones((4, 6)), "a.thresholds": np.array([3, 3, 2, 1]),
    "b.weights": np.ones((3, 4)),
}


def write(folder: Path, yaml: Any = YAML, arrays: dict[str, Any] | None = None) -> None:
    """Write a network; its YAML may be JSON, which is a subset of YAML."""
    (folder / "net.yaml").write_text(yaml if isinstance(yaml, str) else json.dumps(yaml))
    np.savez(folder / "weights.npz", **(ARRAYS if arrays is None else arrays))


def cli(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Run a verb; its error must be one line without a traceback."""
    result = run_inside(*arguments, cwd=cwd)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stderr.strip()


def check_rejected(text: str, *arguments: str, cwd: Path) -> None:
    """Check that a verb ends with code 2 and one line with ``text``, and writes no file."""
    before = sorted(p for p in cwd.rglob("*"))
    code, message = cli(*arguments, cwd=cwd)
    assert code == 2, message
    assert message.startswith("error: ")
    assert "\n" not in message
    assert text in message, message
    assert sorted(p for p in cwd.rglob("*")) == before
