"""Tests ``python -m bnnhw`` in the root of a clone that hides an installed package."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parents[2]
NET = "name: n\ninput: {shape: [6], type: bits}\nweights: random\nlayers:\n- {dense: 3}\n"


def python(*arguments: str, cwd: Path, paths: tuple[Path, ...]) -> str:
    """Run Python without ``.pth`` files, so that no editable installation is found."""
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    search = os.pathsep.join(map(str, (*paths, *dependencies)))
    result = subprocess.run([sys.executable, "-S", *arguments], cwd=cwd, capture_output=True,
                            text=True, env={**os.environ, "PYTHONPATH": search})
    assert result.returncode == 0, result.stderr
    return result.stdout


def where(cwd: Path, paths: tuple[Path, ...]) -> list[str]:
    """Return the folders from which Python imports the packages of bnnhw."""
    names = ("bnnhw", "bnnhw.sim", "bnnhw.designs", "bnnhw.platforms", "bnnhw.cli")
    code = "import importlib; " + "; ".join(
        f"print(importlib.import_module('{name}').__path__[0])" for name in names)
    return python("-c", code, cwd=cwd, paths=paths).splitlines()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the packages to a folder as a plain installation does."""
    settings: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **found: settings.update(found))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    folder = tmp_path / "site-packages"
    for package in settings["packages"]:
        source = ROOT / settings["package_dir"].get(package, package.replace(".", "/"))
        if not source.is_dir():  # inside a package whose folder has another name
            parent, _, leaf = package.rpartition(".")
            source = ROOT / settings["package_dir"][parent] / leaf
        target = folder / package.replace(".", "/")
        target.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if file.is_file():
                shutil.copy(file, target)
    return folder


@pytest.mark.parametrize("plain", [False, True], ids=["dependencies only", "plain installation"])
def test_the_command_of_the_readme_works_in_a_clone(plain: bool, installed: Path,
                                                    tmp_path: Path) -> None:
    paths = (installed,) if plain else ()
    (tmp_path / "cfg.yaml").write_text(NET)
    out = tmp_path / "out.v"
    python("-m", "bnnhw", "generate", "--arch", "streaming", "--layers", str(tmp_path / "cfg.yaml"),
           "-o", str(out), cwd=ROOT, paths=paths)
    assert out.exists()
    assert out.with_suffix(".json").exists()
    assert "mnist_tfc" in python("-m", "bnnhw", "list", "designs", cwd=ROOT, paths=paths)
    assert where(ROOT, paths) == [str(ROOT / name) for name in
                                  ("bnnhw", "sim", "designs", "platforms", "bnnhw/cli")]


def test_an_installation_imports_no_neighbouring_packages(installed: Path, tmp_path: Path) -> None:
    """Folders of the working directory that have the names of its packages are not imported."""
    for name in ("sim", "designs", "platforms"):
        (installed / name).mkdir()
        (installed / name / "__init__.py").write_text("raise SystemExit('another package')\n")
    assert where(tmp_path, (installed,)) == [str(installed / name) for name in (
        "bnnhw", "bnnhw/sim", "bnnhw/designs", "bnnhw/platforms", "bnnhw/cli")]
    python("-c", "import bnnhw\ntry:\n    import bnnhw.tests\nexcept ImportError:\n    pass\n"
           "else:\n    raise SystemExit(1)", cwd=ROOT, paths=())
