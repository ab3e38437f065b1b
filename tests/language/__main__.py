"""``python -m tests.language [ROOT] [--find WORD]``: a table of retired words, or their lines."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.language.words import WORDS, count_words, find, prose_of, source_files

parser = argparse.ArgumentParser()
parser.add_argument("roots", nargs="*", type=Path, default=[Path(__file__).parents[2]])
parser.add_argument("--find", choices=sorted(WORDS), metavar="WORD")
options = parser.parse_args()

if options.find:
    for root in options.roots:
        for path in source_files(root):
            for line in find(WORDS[options.find], prose_of(path)):
                print(f"{path.relative_to(root)}: {line.strip()[:120]}")
else:
    counts = [count_words(source_files(root)) for root in options.roots]
    for word in WORDS:
        print(f"| {word} | {' | '.join(f'{count[word]:,}' for count in counts)} |")
