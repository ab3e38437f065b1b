"""Imports go one way, rtl belongs to the architectures, and tools are asserted."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (("errors",), ("caches",), ("ir", "count", "link"), ("share",), ("config",),
         ("golden", "passes"), ("frontend",),
         ("plan", "device", "rtl", "platforms"), ("arch",), ("emit",), ("flow", "sim", "designs"),
         ("host",), ("cli",))
RANK = {name: k for k, names in enumerate(ORDER) for name in names}


def imports(path: Path) -> set[str]:
    """Parts of bnnhw that a module imports, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bnnhw."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("bnnhw.")}
    return found


MODULES = [*ROOT.glob("bnnhw/*/**/*.py"), *ROOT.glob("sim/*.py"), *ROOT.glob("platforms/*.py")]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    own = parts[1] if parts[0] == "bnnhw" else parts[0]
    for name in imports(path):
        assert RANK[name] <= RANK[own], f"{path} imports bnnhw.{name}"
        if name == "rtl":
            assert own in ("rtl", "arch", "emit"), f"{path} imports rtl"
    if own == "rtl":
        assert imports(path) <= {"rtl", "count", "link"}


def test_no_module_is_a_drawer() -> None:
    assert not list(ROOT.glob("bnnhw/**/utils.py"))
    long = {p.name: n for p in MODULES if (n := len(p.read_text().splitlines())) > 300}
    assert not long
