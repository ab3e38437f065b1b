"""Tests the structure of the code: imports between packages, module sizes, and checked tools."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from bnnhw.families import FAMILIES

ROOT = Path(__file__).parents[1]
ORDER = (("errors", "extras", "json_types"), ("caches", "html_table", "json_files"), ("config",),
         ("ir", "logic", "hostlink.wire"),
         ("families",), ("layers",),
         ("golden", "passes"), ("importers",),
         ("plan", "dataflow", "rtl", "hostlink.gateware", "platforms"), ("arch",), ("emit",),
         ("tools", "board_planning", "asic", "sim", "designs"), ("hostlink.driver",), ("api",),
         ("cli",))
RANK = {name: k for k, names in enumerate(ORDER) for name in names}
UPWARD = {*(("bnnhw/emit/design.py", name) for name in ("api", "sim", "hostlink.driver")),
          ("bnnhw/hostlink/driver/build.py", "api")}
"""Exceptions: methods of ``Design`` and ``Build`` call the library when they run, and name the
classes of its results in annotations."""
SPLIT = ("hostlink",)
"""Packages whose subpackages are separate rooms."""


def room(parts: Sequence[str]) -> str:
    """The room of a module path inside ``bnnhw``."""
    return ".".join(parts[:2]) if parts[0] in SPLIT else parts[0]


def imports(path: Path) -> set[str]:
    """Rooms of bnnhw that a module imports, at the top or inside functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {room(name.split(".")[1:]) for name in names if name.startswith("bnnhw.")}


MODULES = [*ROOT.glob("bnnhw/*/**/*.py"), *ROOT.glob("sim/**/*.py"), *ROOT.glob("platforms/*.py")]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    importing = room(parts[1:] if parts[0] == "bnnhw" else parts)
    if importing not in RANK and importing in SPLIT:
        return  # its __init__ has a docstring only
    for name in imports(path):
        upward = (str(path.relative_to(ROOT)), name) in UPWARD
        assert upward or RANK[name] <= RANK[importing], f"{path} imports bnnhw.{name}"
        if name == "rtl":
            assert importing in ("rtl", "hostlink.gateware", "dataflow", "arch",
                                 "emit"), f"{path} imports rtl"
    if importing == "rtl":
        assert imports(path) <= {"rtl", "logic", "families", "hostlink.wire"}
    if importing == "hostlink.gateware":
        assert imports(path) <= {"rtl", "logic", "families", "hostlink.wire", "hostlink.gateware"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("sim/**/*.py")), ids=lambda p: p.name)
def test_simulation_names_no_family(path: Path) -> None:
    """A new family touches no file of sim: what differs is an attribute of its ``Family``."""
    names = set(FAMILIES) - {"generic", "cells"}  # ordinary words
    constants = {node.value for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.Constant)}
    assert not names & constants


def test_modules_are_short_and_have_a_subject() -> None:
    assert not list(ROOT.glob("bnnhw/**/utils.py"))
    long = {p.name: n for p in MODULES if (n := len(p.read_text().splitlines())) > 300}
    assert not long


LARGEST_CONSTRUCTOR = 8


def parameters(node: ast.ClassDef) -> int:
    """Parameters of a class's constructor.

    A frozen dataclass is a description, and counts as 0; of others, fields with a default do not
    count.
    """
    decorators = [ast.unparse(d) for d in node.decorator_list]
    if any("dataclass" in d for d in decorators):
        if any("frozen=True" in d for d in decorators):
            return 0
        return sum(isinstance(x, ast.AnnAssign) and x.value is None for x in node.body)
    return max((len([*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]) - 1
                for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"),
               default=0)


def test_constructors_are_small() -> None:
    """Parameters that belong together are one frozen object, which plan, hardware and tests use."""
    large = {f"{path.relative_to(ROOT)}: {node.name}": parameters(node) for path in MODULES
             for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
             if parameters(node) > LARGEST_CONSTRUCTOR}
    assert not large


MOST_ANY = 40
"""Uses of ``Any`` in the package's signatures: where no static type describes the value."""


def annotations(tree: ast.Module) -> list[ast.expr]:
    """Annotations of all parameters and results, and module-level aliases that stand for them."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            found += [node.returns, *(arg.annotation for arg in (
                *given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
                if arg is not None)]
    found += [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    return [node for node in found if node is not None]


def test_signatures_have_types() -> None:
    uses = {}
    for path in (p for room in ("bnnhw", "sim", "platforms", "designs")
                 for p in (ROOT / room).rglob("*.py")):
        count = sum(any(isinstance(x, ast.Name) and x.id == "Any" for x in ast.walk(annotation))
                    for annotation in annotations(ast.parse(path.read_text())))
        if count:
            uses[str(path.relative_to(ROOT))] = count
    most = sorted(uses.items(), key=lambda item: -item[1])[:10]
    assert sum(uses.values()) <= MOST_ANY, f"most are in {most}"
