"""Tests that ``bnnhw synth --pnr --freq`` ends with the exit code of a missed clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bnnhw.cli import synth as synth_verb
from bnnhw.tools.synth import SynthReport, UnitCells
from tests.cli.inside import Called, caller


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
           capsys: pytest.CaptureFixture[str]) -> Called:
    """Run verbs with a place and route that always reaches 61.5 MHz."""
    def placed(design: object, device: object, freq_mhz: float, *others: object) -> dict[str, Any]:
        return {"critical_path": ["fc0.pe"], "part": "LFE5U-85F", "seed": 1, "freq_mhz": freq_mhz,
                "fmax_mhz": 61.5, "utilisation": {"TRELLIS_FF": {"used": 5, "available": 83640}}}

    unit = UnitCells("fc0", "mvtu", 4, {"LUT4": 9}, 9, 5, 0)
    monkeypatch.setattr(synth_verb, "place_and_route", placed)
    monkeypatch.setattr(synth_verb, "synthesise",
                        lambda design, device: SynthReport("ecp5", "synth_ecp5", (unit,)))
    call = caller(tmp_path, monkeypatch, capsys)
    (tmp_path / "net.yaml").write_text(
        "name: net40\ninput: {shape: [40], type: bits}\nweights: random\n"
        "layers: [{dense: 4, output: scores}, argmax]\n")
    code, _, err = call("generate", "--layers", "net.yaml", "-o", "n.v")
    assert code == 0, err
    return call


@pytest.mark.parametrize(("options", "code"), [
    (("--freq", "61.5"), 0), (("--freq", "62"), 4), ((), 0)])
def test_a_missed_clock_ends_with_4(inside: Called, options: tuple[str, ...], code: int) -> None:
    found, out, err = inside("synth", "n.json", "--device", "ecp5", "--pnr", *options)
    assert found == code, err
    assert "fmax 61.5 MHz" in out
    assert ("61.5 MHz instead of 62 MHz" in err) == (code == 4)
    found, out, err = inside("synth", "n.json", "--device", "ecp5", "--pnr", "--json", *options)
    assert found == code
    assert json.loads(out)["pnr"]["fmax_mhz"] == 61.5
