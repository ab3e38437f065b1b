"""Tests shell completion through the protocol that the shells use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bnnhw.arch import architectures
from bnnhw.families import DEVICES
from bnnhw.platforms import boards

PROGRAM = "import sys; sys.argv = ['bnnhw']; from bnnhw.cli import main; main()"


def complete(*words: str, cwd: Path, shell: str = "bash") -> list[str]:
    """Return the completions that a shell offers for the last word."""
    environment = {**os.environ, "_BNNHW_COMPLETE": f"complete_{shell}",
                   "COMP_WORDS": " ".join(("bnnhw", *words)), "COMP_CWORD": str(len(words)),
                   "_TYPER_COMPLETE_ARGS": " ".join(("bnnhw", *words))}
    result = subprocess.run([sys.executable, "-c", PROGRAM], cwd=cwd, env=environment,
                            capture_output=True, text=True)
    assert result.stderr == ""
    return result.stdout.splitlines()


CASES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "boards of build": (("build", "cnv", "--board", ""), list(boards())),
    "boards by letters": (("build", "cnv", "--board", "ul"),
                          [name for name in boards() if name.startswith("ul")]),
    "boards of flash": (("flash", "x", "--board", "ice"),
                        [name for name in boards() if name.startswith("ice")]),
    "devices of plan": (("plan", "cnv", "--device", ""), list(DEVICES)),
    "devices of generate": (("generate", "--device", "ecp"),
                            [name for name in DEVICES if name.startswith("ecp")]),
    "devices of synth": (("synth", "d.json", "--device", ""),
                         [name for name, device in DEVICES.items() if device.family.synthesis]),
    "architectures of plan": (("plan", "cnv", "--arch", ""), list(architectures())),
    "architectures of generate": (("generate", "--arch", "y"), ["yodann"]),
    "architectures of build": (("build", "cnv", "--arch", "s"), ["streaming"]),
    "designs of plan": (("plan", "m"), ["meliusnet", "mnist_tfc", "mobilenet"]),
    "designs of check": (("check", "cn"), ["cnv"]),
    "designs of generate": (("generate", "--layers", "seg"), ["segment"]),
    "designs of samples": (("samples", "key"), ["keyword"]),
    "what to list": (("list", ""), ["archs", "devices", "layers", "designs", "boards"]),
    "engines": (("simulate", "d.json", "--engine", ""), ["verilator", "cocotb", "pysim"]),
    "golden levels": (("golden", "cnv", "--level", "re"), ["reference"]),
    "layouts": (("golden", "cnv", "--layout", ""), ["NHWC", "NCHW"]),
    "verbs": (("sam",), ["samples"]),
}


@pytest.mark.parametrize("name", CASES)
def test_completion(name: str, tmp_path: Path) -> None:
    words, expected = CASES[name]
    assert complete(*words, cwd=tmp_path) == expected


def test_networks_are_also_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "more.yaml").write_text("")
    (tmp_path / "much.txt").write_text("")
    assert complete("plan", "m", cwd=tmp_path) == ["meliusnet", "mnist_tfc", "mobilenet", "mine/",
                                                    "more.yaml"]
    (tmp_path / "mine" / "net.yaml").write_text("")
    assert complete("plan", "mine/", cwd=tmp_path) == ["mine/net.yaml"]


def test_zsh_describes_each_completion(tmp_path: Path) -> None:
    found = "\n".join(complete("plan", "cnv", "--device", "up", cwd=tmp_path, shell="zsh"))
    assert "up5k" in found
    assert "30 block RAM, 4 SPRAM" in found
