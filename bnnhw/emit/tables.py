"""Shortens the memory contents in emitted Verilog: constants and loops instead of a line per word.

Yosys writes one assignment per memory word. Its output format is fixed, because the version of the
packaged Yosys is pinned; a block of another form is left as it is.
"""

from __future__ import annotations

import re

__all__ = ["compact_tables"]

MIN_WORDS = 32
"""Memories with fewer words are not shortened, since their lines are easier to read."""

CONSTANT_BITS = 4096
"""Bits of the longest constant, which all supported tools accept."""

_BLOCK = re.compile(r"^  initial begin\n((?:    (?P<name>\S+ ?)\[\d+\] = \d+'[hd][0-9a-f]+;\n)+)"
                    r"  end\n", re.MULTILINE)
_LINE = re.compile(r"\[(\d+)\] = (\d+)'([hd])([0-9a-f]+);")


def compact_tables(text: str) -> str:
    """Rewrite the ``initial`` blocks of memories without changing the contents.

    A line per word takes 20 bytes for a bit of weight. Instead, the contents become constants
    up to ``CONSTANT_BITS`` bits, from which loops copy the words; zeros need only a loop.
    """
    count = 0

    def rewrite(match: re.Match[str]) -> str:
        nonlocal count
        words = [(int(i), int(w), int(digits, 16 if base == "h" else 10))
                 for i, w, base, digits in _LINE.findall(match[1])]
        if len(words) < MIN_WORDS or [i for i, _, _ in words] != list(range(len(words))):
            return match[0]
        count += 1
        return _loops(f"init_{count}", match["name"].strip(), words[0][1], [v for _, _, v in words])

    return _BLOCK.sub(rewrite, text)


def _loops(name: str, memory: str, width: int, values: list[int]) -> str:
    memory = memory + " " if memory.startswith("\\") else memory
    loop = f"for ({name}_k = 0; {name}_k < %d; {name}_k = {name}_k + 1)"
    if not any(values):
        return (f"  integer {name}_k;\n  initial begin\n    {loop % len(values)}\n"
                f"      {memory}[{name}_k] = {width}'h0;\n  end\n")
    size = max(1, CONSTANT_BITS // width)
    declared, copied = [f"  integer {name}_k;\n"], []
    for part, first in enumerate(range(0, len(values), size)):
        chunk = values[first:first + size]
        bits = sum(value << (k * width) for k, value in enumerate(chunk))
        total = len(chunk) * width
        declared.append(f"  localparam [{total - 1}:0] {name}_{part} = {total}'h{bits:x};\n")
        copied.append(f"    {loop % len(chunk)}\n      {memory}[{first} + {name}_k] = "
                      f"{name}_{part}[{name}_k * {width} +: {width}];\n")
    return "".join([*declared, "  initial begin\n", *copied, "  end\n"])
