"""Boolean functions as Liberty writes them: truth tables to find cells by, Verilog to simulate.

Operators, from the tightest: ``!`` before and ``'`` behind a term, ``^``, ``&`` ``*`` or a space,
``|`` or ``+``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bnnhw.errors import ConfigError

__all__ = ["Boolean", "parse_boolean"]

MAX_LENGTH = 4096
"""Longest text of a function; cells with more inputs than a few are not made."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\].]*)|([01])|([!'^&*|+()]))")


@dataclass(frozen=True)
class Boolean:
    """A function of named pins.

    Attributes
    ----------
    op : str
        ``pin``, ``constant``, ``not``, ``and``, ``or`` or ``xor``.
    name : str
        Of the pin, or ``0`` and ``1``.
    terms : tuple of Boolean
    """

    op: str
    name: str = ""
    terms: tuple[Boolean, ...] = ()

    def pins(self) -> tuple[str, ...]:
        """Pins that it reads, sorted."""
        if self.op == "pin":
            return (self.name,)
        return tuple(sorted({pin for term in self.terms for pin in term.pins()}))

    def value(self, pins: dict[str, int], ones: int = 1) -> int:
        """Evaluate bit by bit; ``ones`` has a bit set for each case that ``pins`` holds."""
        if self.op == "pin":
            return pins[self.name]
        if self.op == "constant":
            return ones if self.name == "1" else 0
        values = [term.value(pins, ones) for term in self.terms]
        if self.op == "not":
            return ones & ~values[0]
        result = values[0]
        for value in values[1:]:
            result = result & value if self.op == "and" else \
                result | value if self.op == "or" else result ^ value
        return result

    def table(self, pins: tuple[str, ...]) -> int:
        """Truth table: bit k is the value where pin j is bit j of k."""
        cases = 1 << len(pins)
        columns = {pin: sum(1 << k for k in range(cases) if k >> j & 1)
                   for j, pin in enumerate(pins)}
        return self.value(columns, (1 << cases) - 1)

    def verilog(self, names: Mapping[str, str] | None = None) -> str:
        """Verilog expression; ``names`` are those of pins where they have others."""
        if self.op == "pin":
            return names[self.name] if names is not None else self.name
        if self.op == "constant":
            return f"1'b{self.name}"
        if self.op == "not":
            return f"~{self.terms[0].verilog(names)}"
        sign = {"and": " & ", "or": " | ", "xor": " ^ "}[self.op]
        return "(" + sign.join(term.verilog(names) for term in self.terms) + ")"


def parse_boolean(text: str, where: str) -> Boolean:
    """Parse a function.

    Parameters
    ----------
    text, where : str
        ``where`` names the cell and pin, for errors.

    Raises
    ------
    ConfigError
        The text is no function.
    """
    def refuse() -> ConfigError:
        return ConfigError(f"has a function that is not understood: '{text[:60]}'", where=where)

    if len(text) > MAX_LENGTH:
        raise refuse()
    tokens: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise refuse()
        tokens.append(match[1] or match[2] or match[3])
        at = match.end()
    parser = _Parser(tokens)
    try:
        result = parser.alternatives()
    except (IndexError, RecursionError):
        raise refuse() from None
    if parser.tokens:
        raise refuse()
    return result


class _Parser:
    """Recursive descent; running out of tokens is an IndexError."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def _next_is(self, signs: str) -> bool:
        if self.tokens and self.tokens[-1] in signs:
            self.tokens.pop()
            return True
        return False

    def alternatives(self) -> Boolean:
        terms = [self._product()]
        while self._next_is("|+"):
            terms.append(self._product())
        return terms[0] if len(terms) == 1 else Boolean("or", terms=tuple(terms))

    def _product(self) -> Boolean:
        terms = [self._sum()]
        while True:
            # Two terms side by side are a product too.
            if self._next_is("&*") or (self.tokens and self.tokens[-1] not in "|+^)&*'"):
                terms.append(self._sum())
            else:
                return terms[0] if len(terms) == 1 else Boolean("and", terms=tuple(terms))

    def _sum(self) -> Boolean:
        terms = [self._factor()]
        while self._next_is("^"):
            terms.append(self._factor())
        return terms[0] if len(terms) == 1 else Boolean("xor", terms=tuple(terms))

    def _factor(self) -> Boolean:
        token = self.tokens.pop()
        if token == "!":
            return Boolean("not", terms=(self._factor(),))
        if token == "(":
            result = self.alternatives()
            if self.tokens.pop() != ")":
                raise IndexError
        elif token in "01":
            result = Boolean("constant", token)
        elif token[0].isalpha() or token[0] == "_":
            result = Boolean("pin", token)
        else:
            raise IndexError
        while self._next_is("'"):
            result = Boolean("not", terms=(result,))
        return result
