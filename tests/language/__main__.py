"""Prints how often each retired word occurs, or its lines: ``python -m tests.language``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.language.words import WORDS, count_words, lines_with, source_files

parser = argparse.ArgumentParser()
parser.add_argument("roots", nargs="*", type=Path, default=[Path(__file__).parents[2]])
parser.add_argument("--find", choices=sorted(WORDS), metavar="WORD")
options = parser.parse_args()

if options.find:
    for root in options.roots:
        for path in source_files(root):
            for number, line in lines_with(WORDS[options.find], path):
                print(f"{path.relative_to(root)}:{number}: {line[:120]}")
else:
    counts = [count_words(source_files(root)) for root in options.roots]
    for word in WORDS:
        print(f"| {word} | {' | '.join(f'{count[word]:,}' for count in counts)} |")
