"""Rewrites the options in messages of the library as command-line flags."""

from __future__ import annotations

import re

from bnnhw.errors import OPTION

__all__ = ["with_flags"]

FLAGS = {"clock_mhz": "clock", "input_type": "input"}
"""Flags that are named differently from the keyword of the library."""

VERB_FLAGS = {"build": {"clock_mhz": "freq"}, "synth": {"pnr_mhz": "freq"}}
"""Flags that one verb names differently."""


def with_flags(text: str, verb: str) -> str:
    """Replace options such as `` `ii=64` `` by flags such as ``--ii 64``.

    Parameters
    ----------
    text : str
        Message or hint of an error of the library.
    verb : str
        The verb that is running, whose flags are meant.
    """
    names = FLAGS | VERB_FLAGS.get(verb, {})

    def flag(match: re.Match[str]) -> str:
        keyword, value = match[1], match[2]
        name = f"--{names.get(keyword, keyword.replace('_', '-'))}"
        return f"{name} {value}" if value not in ("", "True") else name

    return OPTION.sub(flag, text)
