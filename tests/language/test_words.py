"""Tests that no file uses a word that the writing standard has retired."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.language.words import BANNED, prose_lines, source_files

ROOT = Path(__file__).parents[2]


def test_no_retired_words() -> None:
    """The message gives file, line, and the replacement from ``docs/glossary.md``."""
    patterns = [(re.compile(pattern, re.IGNORECASE), instead)
                for pattern, instead in BANNED.values()]
    found = [f"{path.relative_to(ROOT)}:{number}: write \"{instead}\" instead of \"{word[0]}\""
             for path in source_files(ROOT) for number, line in prose_lines(path)
             for pattern, instead in patterns if (word := pattern.search(line))]
    assert not found, "\n".join(["retired words, see docs/glossary.md:", *found])


@pytest.mark.parametrize("text", ["wished = 3\n", "x = 1  # a broken twin\n", "Wish = 2\n"])
def test_retired_words_are_found(text: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("x = 0\n" + text)
    found = [number for number, line in prose_lines(path)
             for pattern, _ in BANNED.values() if re.search(pattern, line, re.IGNORECASE)]
    assert found == [2]
