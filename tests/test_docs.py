"""Tests the documentation: links, commands, code and generated pages are valid."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

import bnnhw
from bnnhw.cli.schemas import SCHEMAS
from bnnhw.cli.verbs import SUMMARIES, load_verb
from bnnhw.emit import manifest
from bnnhw.hostlink.wire import board_record
from tests.cli.inside import caller
from tests.test_structure import RANK

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
PAGES = sorted((ROOT / "docs").glob("*.md"))
TABLES = {"comparison.md", "glossary.md", "troubleshooting.md"}
"""Pages that are tables."""

TOYS = ("tests/layers/test_toy_layer.py", "tests/importers/test_toy_importer.py",
        "tests/arch/toy.py", "tests/families/toy_family.py", "platforms/icebreaker.py")
"""Tested modules whose code ``contributing.md`` shows."""

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


QUOTED = [pytest.param(command, quoted, id=f"{page.stem}: {command}") for page in PAGES
          for block in blocks(page, "") for command, quoted in re.findall(
              r"^\$ bnnhw ((?:check|plan|list) .*)\n((?:[^$].*\n)+)", block, re.M)
          if "--json" not in command]


@pytest.mark.parametrize(("command", "quoted_lines"), QUOTED)
def test_quoted_output_is_current(command: str, quoted_lines: str, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    """Pages show lines that the command prints."""
    code, output, _ = caller(tmp_path, monkeypatch, capsys)(*command.split())
    assert code == 0
    printed = {line.rstrip() for line in output.splitlines()}
    quoted = {line.rstrip() for line in quoted_lines.splitlines()} - {"..."}
    assert quoted
    assert quoted <= printed, quoted - printed


def test_some_output_is_quoted() -> None:
    assert {"tutorial", "boards"} <= {param.id.split(":")[0] for param in QUOTED if param.id}


@each_page
def test_pages_start_with_what_does_the_task(page: Path) -> None:
    """A page begins with its command, its code or a diagram, not with an explanation."""
    if page.name not in TABLES:
        start = page.read_text().split("\n## ")[0]
        assert re.search(r"^```", start, re.M), "no code before the first section"


@each_page
def test_inline_commands_exist(page: Path) -> None:
    """Verbs and options of a command in backquotes are known; it may be incomplete."""
    for verb, words in re.findall(r"`bnnhw ([a-z]+)((?: [^`\n]+)?)`", page.read_text()):
        options = {name for parameter in load_verb(verb).params
                   for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words.split() if word.startswith("-")} <= options, verb + words


@each_page
def test_schemas_are_current(page: Path) -> None:
    known = {*SCHEMAS, manifest.SCHEMA, board_record.SCHEMA}
    assert set(re.findall(r"\bbnnhw\.[a-z]+/\d+", page.read_text())) <= known


def test_packages_are_in_the_order_of_their_imports() -> None:
    """Each row of the table has packages of one rank, and the ranks rise."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = [re.findall(r"`(?:bnnhw/)?([\w/]+)`", row)
            for row in re.findall(r"^\| (`bnnhw/.*?) \|", page, re.M)]
    ranks = [{RANK[name.replace("/", ".")] for name in row} for row in rows]
    assert all(len(found) == 1 for found in ranks), ranks
    assert ranks == sorted(ranks, key=min)
    assert {name.replace("/", ".") for row in rows for name in row} | {
        "errors", "extras", "json_types", "json_files", "caches", "html_table"} == set(RANK)


def test_comparison_quotes_the_benches() -> None:
    page = (ROOT / "docs" / "comparison.md").read_text()
    counting, speed = (json.loads((BENCH / f"{name}.json").read_text())
                       for name in ("counting", "results"))
    slots = {(row["work"], row["target"]): row for row in counting["matrices"]}
    for work, title in (("random64", "random 64 x 64 of -1 and +1"),
                        ("ternary64", "random ternary 64 x 64, half of it 0"),
                        ("tfc_layer1", "TFC, 64 x 64 (second layer)"),
                        ("tfc_layer3", "TFC, 10 x 64")):
        ratios = [slots[work, target] for target in ("ecp5", "ice40", "xc7")]
        assert f"| {title} | " + " | ".join(
            f"{row['ours'] / row['da4ml']:.2f}" for row in ratios) + " |" in page
    cnv = speed["cnv"][0]
    sfc = next(row for row in counting["streaming"] if row["network"] == "sfc")
    text = " ".join(page.split())
    lut4 = [row["LUT4 per lane"] for row in (cnv, sfc)]
    assert f"{lut4[0]} LUT4 (CNV) and {lut4[1]} LUT4 (SFC) per lane" in text
    assert f"{cnv['LUT4 placed'] / cnv['XNOR lanes']:.2f} LUT4 for CNV after placement" in text


def definitions(tree: ast.Module) -> dict[str, ast.AST]:
    """Functions, methods and assigned values of a module, by their qualified names."""
    found: dict[str, ast.AST] = {}
    scopes: list[tuple[str, list[ast.stmt]]] = [("", tree.body)]
    while scopes:
        prefix, body = scopes.pop()
        for node in body:
            if isinstance(node, ast.ClassDef):
                scopes.append((f"{prefix}{node.name}.", node.body))
            elif isinstance(node, ast.FunctionDef):
                found[prefix + node.name] = node
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                found[prefix + ast.unparse(target)] = node
    return found


def code(node: ast.AST) -> str:
    """A definition without decorators and docstring; of an abridged one, the parameters alone."""
    if not isinstance(node, ast.FunctionDef):
        return ast.unparse(node)
    body = node.body[ast.get_docstring(node) is not None:]
    return f"{parameters(node)}: " + "\n".join(map(ast.unparse, body))


def parameters(node: ast.FunctionDef) -> list[str]:
    return [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def test_contributing_shows_tested_code() -> None:
    """Every definition in the examples is that of a tested module; ``...`` abridges a body."""
    tested: dict[str, ast.AST] = {}
    for path in TOYS:
        tested |= definitions(ast.parse((ROOT / path).read_text()))
    examples = [definitions(ast.parse(block))
                for block in blocks(ROOT / "docs" / "contributing.md", "python")]
    assert len(examples) == len(TOYS)
    for name, node in (item for example in examples for item in example.items()):
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.body[-1]) == "...":
            original = tested[name]
            assert isinstance(original, ast.FunctionDef)
            assert parameters(node) == parameters(original), name
        else:
            assert code(node) == code(tested[name]), name


@each_page
def test_python_blocks_parse_and_import(page: Path) -> None:
    for block in blocks(page, "python"):
        indent = len(block) - len(block.lstrip())
        tree = ast.parse("\n".join(line[indent:] for line in block.splitlines()))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bnnhw"):
                for alias in node.names:
                    assert hasattr(importlib.import_module(str(node.module)), alias.name)
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "bnnhw":
                assert hasattr(bnnhw, node.attr)


def test_generated_pages() -> None:
    pages = generator()
    reference = pages.command_line()
    for verb in SUMMARIES:
        assert f"## bnnhw {verb}\n" in reference
    assert "`--board`" in reference
    results = pages.results()
    assert results.count("\n| --- |") >= 15
    assert "| mnist-up5k |" in results
