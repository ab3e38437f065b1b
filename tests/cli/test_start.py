"""Tests that the command line starts fast and imports only what the called verb needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bnnhw.cli.verbs import SUMMARIES, load_verb

HEAVY = ("amaranth", "bnnhw.arch", "bnnhw.emit", "numpy", "pydantic", "rich")


def imported(*arguments: str) -> set[str]:
    """Return the large packages that a command imports."""
    program = ("import sys; sys.argv = ['bnnhw', *sys.argv[1:]]\n"
               "from bnnhw.cli import main\n"
               "try: main()\n"
               "except SystemExit: pass\n"
               f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)")
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True,
                            text=True, check=True)
    return set(eval(result.stderr.splitlines()[-1]))


@pytest.mark.parametrize(("arguments", "allowed"), [
    (("--version",), set()),
    (("--help",), set()),
    (("list", "boards"), {"amaranth", "pydantic", "rich"}),
    (("list", "designs"), {"pydantic", "rich"}),
])
def test_imports(arguments: tuple[str, ...], allowed: set[str]) -> None:
    assert imported(*arguments) <= allowed


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_verb_loads(name: str) -> None:
    command = load_verb(name)
    assert command.name == name
    assert command.help
    assert len(SUMMARIES[name]) <= 60
