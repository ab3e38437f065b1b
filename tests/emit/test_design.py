"""Tests emitted files: portable Verilog, shared modules, reproducible bytes, checked manifests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnnhw.config.hints import LayerHint
from bnnhw.emit.design import Design, load_design
from bnnhw.emit.files import writable, write_files
from bnnhw.emit.generate import generate
from bnnhw.emit.manifest import seal
from bnnhw.errors import ConfigError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from tests.networks import random_graph

ROOT = Path(__file__).parents[2]


def design(ii: int = 16) -> Design:
    graph = random_graph([30, 12, 8, 5], seed=1, pixels=True, affine=True)
    return generate(Network(graph, {"fc1": LayerHint(2, 5)}, ()), "streaming",
                    get_device("generic"), Goal(target_cycles=ii))


def test_verilog_is_plain_and_shared() -> None:
    text = design().verilog
    modules = re.findall(r"^module (\S+)\(", text, re.MULTILINE)
    assert len(modules) == len(set(modules))
    assert all(re.fullmatch(r"[A-Za-z]\w*", name) for name in modules)
    assert not re.search(r"\b(logic|always_ff|always_comb|interface|typedef|import)\b", text)
    assert "verilog_backend" not in text
    assert "(* src" not in text
    assert re.search(r"^  bnnhw_pe_\w+ pe0 \(", text, re.MULTILINE)
    pe = next(name for name in modules if name.startswith("bnnhw_pe_"))
    assert text.count(f"module {pe}(") == 1
    assert text.startswith("// bnnhw ")
    assert "belongs to whoever generated it" in text


def test_unfolded_rows_are_one_module_with_constants_on_ports() -> None:
    text = design(ii=1).verilog
    assert len(re.findall(r"^  bnnhw_pe_30_\w+ pe\d+ \(", text, re.MULTILINE)) == len(
        re.findall(r"\.w\(30'h[0-9a-f]+\)", text))
    assert text.count("module bnnhw_pe_30_") == 1


def test_icarus_reads_it(tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    for ii in (1, 16, 9999):
        (tmp_path / "core.v").write_text(design(ii).verilog)
        result = subprocess.run(["iverilog", "-g2005", "-Wall", "-o", "core", "core.v"],
                                cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert "error" not in result.stderr


def test_manifest_is_read_back(tmp_path: Path) -> None:
    core = design()
    write_files(core.files(tmp_path / "core.v"))
    again = load_design(tmp_path / "core.json")
    assert again.plan == core.plan
    assert again.verilog == core.verilog
    assert again.graph.digest() == core.graph.digest()
    manifest = json.loads((tmp_path / "core.json").read_text())
    assert manifest["cycles_a_frame"] == core.plan.ii
    fields = manifest["output"]["fields"]
    assert [f["name"] for f in fields] == ["scores", "label"]
    assert fields[1]["first_bit"] == fields[0]["lanes"] * fields[0]["bits_a_lane"]


@pytest.mark.parametrize(("change", "text"), [
    (lambda m: m.pop("schema"), "no manifest of schema"),
    (lambda m: m["plan"].update(latency=1) or m.update(manifest_sha256="0"), "was edited after"),
    (lambda m: m["network"]["layers"][1]["arrays"]["weights"].update(base64="AA=="), "is damaged"),
    (lambda m: m["network"]["layers"][1]["arrays"]["weights"].update(shape=[1, 1 << 30, 1 << 30]),
     "is damaged"),
    (lambda m: m.pop("plan"), "is damaged"),
    (lambda m: m["verilog"].update(file="../core.v"), "another folder"),
    (lambda m: m["verilog"].update(file="no.v"), "not in the same folder"),
    (lambda m: m["verilog"].update(sha256="0"), "was changed after"),
    (lambda m: m["network"]["layers"][1].update(kind="conv9"), "is damaged"),
    (lambda m: m.update(arch="quantum"), "unknown architecture"),
])
def test_broken_manifest(change: object, text: str, tmp_path: Path) -> None:
    write_files(design().files(tmp_path / "core.v"))
    manifest = json.loads((tmp_path / "core.json").read_text())
    change(manifest)  # type: ignore[operator]
    if manifest["manifest_sha256"] != "0":  # a forger would seal it again
        manifest = seal(manifest)
    (tmp_path / "core.json").write_text(json.dumps(manifest))
    with pytest.raises(Exception, match=text) as info:
        load_design(tmp_path / "core.json")
    assert type(info.value).__module__ == "bnnhw.errors"


def test_files_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]


def test_an_invalid_path_is_rejected_before_the_work(tmp_path: Path) -> None:
    """No file remains, neither for a rejected path nor if the work fails."""
    (tmp_path / "folder").mkdir()
    for refused in (tmp_path / "folder", Path("/proc/none/out.v")):
        with pytest.raises(ConfigError, match="cannot be written"), writable(refused):
            pytest.fail("the work has begun")
    with pytest.raises(ZeroDivisionError), writable(tmp_path / "a" / "b" / "c.v"):
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.rglob("*")] == ["folder"]
    with writable(tmp_path / "a" / "b" / "c.v"):
        assert not list((tmp_path / "a" / "b").iterdir())
    assert (tmp_path / "a" / "b").is_dir()


def test_same_bytes_for_every_hash_seed_and_checkout(tmp_path: Path) -> None:
    """Two copies of the sources in different folders, three hash seeds: one result."""
    results = set()
    for k, seed in enumerate(("0", "1", "4242")):
        home = ROOT if k == 0 else tmp_path / f"copy{k}"
        if k:
            for folder in ("bnnhw", "sim", "designs", "platforms"):
                shutil.copytree(ROOT / folder, home / folder,
                                ignore=shutil.ignore_patterns("__pycache__"))
            for folder in ("sim", "designs", "platforms"):
                (home / "bnnhw" / folder).symlink_to(home / folder)
        out = tmp_path / f"out{k}" / "core.v"
        code = ("import sys, bnnhw; assert bnnhw.__file__.startswith(sys.argv.pop(1)); "
                "from bnnhw.cli import main; main()")
        subprocess.run([sys.executable, "-c", code, str(home), "generate", "--layers", "mnist_tfc",
                        "-o", str(out)], check=True, cwd=home, capture_output=True,
                       env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(home)})
        results.add((out.read_bytes(), out.with_suffix(".json").read_bytes()))
    assert len(results) == 1
