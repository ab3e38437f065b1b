"""Executes the PyTorch and Brevitas programs of the tutorial."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="extra 'brevitas' is not installed: make test-torch")
pytest.importorskip("brevitas", reason="extra 'brevitas' is not installed: make test-torch")
pytest.importorskip("mlxtend", reason="mlxtend is not installed: make test-torch")

import torch

from bnnhw.importers.network import Network
from tests.cli.inside import caller

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_the_programs_of_the_tutorial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text()
    text = text[text.index("### A PyTorch model"):text.index("## 2.")]
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # packages of others warn when they are imported
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    out = capsys.readouterr().out
    accuracy = float(out.split()[0])
    assert accuracy > 0.7
    assert "all tensors, score orders and labels are equal" in out
    network = names["network"]
    assert isinstance(network, Network)
    x = names["digits"]
    assert (network.predict(x)["label"] == names["labels"]).mean() > 0.6
    command, = re.findall(r"^\$ bnnhw (import .*)$", text, re.M)
    code, _, error = caller(tmp_path, monkeypatch, capsys)(*command.split())
    assert code == 0, error
