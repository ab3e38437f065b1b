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

__all__ = ["BANNED", "WORDS", "count_words", "lines_with", "prose_lines", "source_files"]

BANNED: dict[str, tuple[str, str]] = {
    "wish, wished": (r"\bwish(es|ed)?\b", "goal or target"),
    "homeless": (r"\bhomeless\b", "unplaced"),
    "at hand": (r"\bat hand\b", "available"),
    "to and fro": (r"\bto and fro\b", "oscillates, or does not converge"),
    "broken twin": (r"\bbroken twins?\b", "mutant that must fail"),
    "is not taken": (r"\b(is|are) not taken\b", "is not supported"),
    "refused by name": (r"\brefused? by name\b", "rejected with an error that names it"),
    "hang on": (r"\bhangs? on\b", "depend on"),
    "fewest": (r"\bfewest\b", "minimum"),
    "is told": (r"\b(is|are|was|were) told\b", "is given, receives, or is reported"),
    "says nothing": (r"\bsays? nothing\b", "has no effect on, or does not determine"),
    "nobody, somebody": (r"\b(nobody|somebody)\b", "the subject of the sentence"),
    "beside": (r"\bbesides?\b", "in addition to, excluding, or next to"),
    "rest": (r"\brest\b", "remainder, or last partial word"),
    "so many": (r"\bso many\b", "the number, by its name"),
    "dots": (r"\bdots\b(?! in )", "bit heap"),
}
"""Words that may not occur: the pattern of each, and what to write instead."""

WORDS: dict[str, str] = {
    **{word: pattern for word, (pattern, _) in BANNED.items()},
    "asked": r"\basked\b",
    "way, ways": r"(?<!two-)(?<!one )(?<!under )\bways?\b(?! (round|through))",
    "place (noun)": r"(?<!in )(?<!take )(?<!takes )(?<!to )(?<!or )(?<!legal )"
                    r"\bplaces?\b(?!(, | |-|s? and |s and )(and|route|cell|chain))",
    "step (also a term)": r"\bsteps?\b",
    "said, says, told": r"\b(said|says|told)\b",
    "own": r"(?<!'s )\bown\b(?! lanes)(?!_lanes)",
    "hold, holds (a claim)": r"(?<=\w )(?<!out )(?<!gate )(?<!self )(?<!board )(?<!and )\bholds?\b"
                             r"(?=[.,;:)]|$| (for|in|where|if|as|only|also|of|by|true|with)\b)",
    "turn": r"\bturns?\b(?! (out|off|on|red|around|lists))(?!.* (into|to|in)\b)",
    "whole": r"\bwhole\b(?! (numbers?|words?|bytes?|MHz|hertz))",
    "text (of a component)": r"\b(their|whose|own|same|emitted) texts?\b|\btexts (of|are)\b"
                             r"|\btext of (the |a |each )?(module|component|unit|block|core)\b",
    "behind, in front of": r"\b(behind|in front of)\b",
    "stays, comes, goes": r"\b(stays?\b(?! within)|goes\b(?! (to|into|through))"
                          r"|comes?\b(?! (from|with|before|after|first|next|last)))",
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


def prose_lines(path: Path) -> list[tuple[int, str]]:
    """List the words of a file by line number: names, comments, docstrings and messages.

    Names of Python code are split at underscores and capitals; its keywords are left out.
    """
    text = path.read_text()
    if path.suffix != ".py":
        return list(enumerate(text.splitlines(), 1))
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or token.type > tokenize.NL:
            found += list(enumerate(token.string.splitlines(), token.start[0]))
        elif token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", token.string).replace("_", " ")
            found.append((token.start[0], name))
    return found


def lines_with(pattern: str, path: Path) -> list[tuple[int, str]]:
    """The numbers and the text of the lines of a file in which a pattern occurs."""
    expression = re.compile(pattern, re.IGNORECASE)
    numbers = sorted({number for number, line in prose_lines(path) if expression.search(line)})
    lines = path.read_text().splitlines()
    return [(number, lines[number - 1].strip()) for number in numbers]


def count_words(paths: Iterable[Path], words: dict[str, str] = WORDS) -> Counter[str]:
    """Count the occurrences of each retired word in files."""
    counts: Counter[str] = Counter(dict.fromkeys(words, 0))
    for path in paths:
        text = "\n".join(line for _, line in prose_lines(path))
        for word, pattern in words.items():
            counts[word] += len(re.findall(pattern, text, re.IGNORECASE))
    return counts
