"""Tests the documentation: links, commands, code and generated pages are valid."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from bnnhw.cli.verbs import SUMMARIES, load_verb
from tests.cli.inside import caller

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of a page in one language; an empty language is a block without one."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text(), re.M | re.S)


def generator() -> ModuleType:
    """The module that writes the generated pages."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@each_page
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in link and not link.startswith("generated/"):
            assert (page.parent / link).exists(), link


@each_page
def test_quoted_paths_exist(page: Path) -> None:
    """Paths of the source tree in backquotes; placeholders are in capitals."""
    rooms = "bnnhw|tests|sim|bench|platforms|designs|docs"
    for path in re.findall(rf"`((?:{rooms})/[\w/.*]+)", page.read_text()):
        if not re.search(r"[A-Z]{3}", path):
            assert list(ROOT.glob(path.rstrip("/"))), path


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    listed = [line for block in re.findall(r":::\{toctree\}(.*?):::", index, re.S)
              for line in block.splitlines() if line and not line.startswith(":")]
    pages = {page.stem for page in PAGES} - {"index"}
    assert {name for name in listed if not name.startswith("generated/")} == pages


@each_page
def test_commands_are_complete(page: Path) -> None:
    """Every ``bnnhw`` command of a page has a known verb, known options and all arguments."""
    for block in blocks(page, ""):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            line = line.removeprefix("$ ").split("   #")[0]
            if not line.startswith("bnnhw ") or "VERB" in line or "--install" in line:
                continue
            verb, *words = shlex.split(line.split("  ")[0])[1:]
            if verb == "VERB" or words == ["--help"]:
                continue
            try:
                load_verb(verb).make_context(verb, words)
            except Exception as error:
                raise AssertionError(f"{line}: {error}") from error


def test_troubleshooting_quotes_messages_of_the_source() -> None:
    """Every quoted fragment of a message occurs in the source; ``...`` stands for a value."""
    source = "\n".join(path.read_text() for folder in ("bnnhw", "sim") for path in
                       (ROOT / folder).rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    for quotes in re.findall(r"^\| ([^|]*`[^|]*) \|", page, re.M):
        for quote in re.findall(r"`([^`]+)`", quotes):
            for part in quote.split("..."):
                assert part.strip(" ,[]") in source, quote


@pytest.mark.parametrize("command", ["check mnist_tfc", "plan mnist_tfc --device up5k"])
def test_quoted_output_is_current(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    """The tutorial shows lines that the command prints."""
    block, = [block for block in blocks(ROOT / "docs" / "tutorial.md", "")
              if block.startswith(f"$ bnnhw {command}\n")]
    code, output, _ = caller(tmp_path, monkeypatch, capsys)(*command.split())
    assert code == 0
    printed = {line.rstrip() for line in output.splitlines()}
    quoted = {line.rstrip() for line in block.splitlines()[1:]} - {"..."}
    assert quoted <= printed, quoted - printed


@each_page
def test_python_blocks_parse_and_import(page: Path) -> None:
    for block in blocks(page, "python"):
        indent = len(block) - len(block.lstrip())
        tree = ast.parse("\n".join(line[indent:] for line in block.splitlines()))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bnnhw"):
                for alias in node.names:
                    assert hasattr(importlib.import_module(str(node.module)), alias.name)


def test_generated_pages() -> None:
    pages = generator()
    reference = pages.command_line()
    for verb in SUMMARIES:
        assert f"## bnnhw {verb}\n" in reference
    assert "`--board`" in reference
    results = pages.results()
    assert results.count("\n| --- |") >= 15
    assert "| mnist-up5k |" in results
