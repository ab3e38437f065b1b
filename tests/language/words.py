"""Finds retired words in names, comments, docstrings, messages and pages.

Each word below was once used in a private sense. ``docs/glossary.md`` has the term that replaces
it. Some of the words also have an ordinary sense; their patterns leave out that sense as far as a
regular expression can, so the count of such a word is an upper bound.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

__all__ = ["BANNED", "WORDS", "count_words", "find", "prose_of", "source_files"]

BANNED: dict[str, str] = {
    "wish, wished": r"\bwish(es|ed)?\b",
    "homeless": r"\bhomeless\b",
    "at hand": r"\bat hand\b",
    "to and fro": r"\bto and fro\b",
    "broken twin": r"\bbroken twins?\b",
    "is not taken": r"\b(is|are) not taken\b",
    "refused by name": r"\brefused? by name\b",
    "hang on": r"\bhangs? on\b",
    "fewest": r"\bfewest\b",
    "is told": r"\b(is|are|was|were) told\b",
    "says nothing": r"\bsays? nothing\b",
    "nobody, somebody": r"\b(nobody|somebody)\b",
}
"""Words that have no ordinary sense in this project: none may occur."""

WORDS: dict[str, str] = {
    **BANNED,
    "asked": r"\basked\b",
    "way, ways": r"(?<!two-)(?<!one )\bways?\b(?! (round|through))",
    "place (noun)": r"(?<!in )(?<!take )(?<!takes )\bplaces?\b(?![ -]and[ -]route)",
    "step (beat, cycle)": r"\bsteps?\b",
    "said, says, told": r"\b(said|says|told)\b",
    "own": r"\bown\b",
    "hold, holds (a claim)": r"\bholds?\b(?! (check|slack|time|arc|violation|constraint))",
    "rest": r"\brest\b",
    "turn": r"\bturns?\b",
    "whole": r"\bwhole\b",
    "dots": r"\bdots\b",
    "text (of a component)": r"\btexts?\b",
    "behind, in front of": r"\b(behind|in front of)\b",
    "beside": r"\bbesides?\b",
    "stays, comes, goes": r"\b(stays?|comes?|goes)\b",
}
"""All retired words, with the pattern of their private sense."""

SUFFIXES = (".py", ".md", ".toml", ".cpp", ".v")


def source_files(root: Path) -> list[Path]:
    """List the files of the project that people read, in order."""
    folders = ("bnnhw", "sim", "platforms", "designs", "tests", "bench", "docs")
    found = [path for folder in folders for path in (root / folder).rglob("*")
             if path.suffix in SUFFIXES and "language" not in path.parts
             and path.name != "glossary.md"]
    return sorted([*found, root / "README.md", root / "pyproject.toml"])


def prose_of(path: Path) -> str:
    """The words of a file: names split at underscores, comments, docstrings and messages."""
    text = path.read_text()
    if path.suffix != ".py":
        return text
    parts = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or token.type > tokenize.NL:
            parts.append(token.string)
        elif token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            parts.append(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", token.string).replace("_", " "))
    return "\n".join(parts)


def find(pattern: str, text: str) -> list[str]:
    """The lines of a text in which a retired word occurs."""
    expression = re.compile(pattern, re.IGNORECASE)
    return [line for line in text.splitlines() if expression.search(line)]


def count_words(paths: Iterable[Path], words: dict[str, str] = WORDS) -> Counter[str]:
    """Count the occurrences of each retired word in files."""
    counts: Counter[str] = Counter(dict.fromkeys(words, 0))
    for path in paths:
        text = prose_of(path)
        for word, pattern in words.items():
            counts[word] += len(re.findall(pattern, text, re.IGNORECASE))
    return counts
