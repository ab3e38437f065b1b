"""Tests that messages of the library show keywords of the API, never command-line flags."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("bnnhw", "sim", "platforms", "designs")
                 for path in (ROOT / folder).glob("**/*.py")
                 if (ROOT / "bnnhw" / "cli") not in path.parents)
FLAG = re.compile(r"(?<![\w-])--[a-z]|'bnnhw [^']* -[a-z]")
FOREIGN = re.compile(r"'python -m tf2onnx\.convert [^']*'|--editable '?|'--version'")
"""Commands of other programs, with their flags."""


def messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the string literals that are prose: those with a blank, outside of docstrings."""
    skipped = {id(node.value) for node in ast.walk(tree)
               if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):  # walked before its parts
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}"
                           for part in node.values)
            skipped |= {id(part) for part in node.values}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) \
                and id(node) not in skipped:
            text = node.value
        if " " in text:
            yield node.lineno, text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_flags_in_messages(path: Path) -> None:
    found = [(line, text) for line, text in messages(ast.parse(path.read_text()))
             if FLAG.search(FOREIGN.sub("", text))]
    assert not found
