"""Boolean functions of library cells: parser for Liberty's syntax, truth tables and Verilog.

Operators in order of precedence: ``!`` before or ``'`` after a term (NOT), ``^`` (XOR), ``&``,
``*`` or a space (AND), ``|`` or ``+`` (OR).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bnnhw.errors import ConfigError

__all__ = ["Boolean", "parse_boolean"]

MAX_LENGTH = 4096
"""Largest number of characters of a function; real cells have few inputs."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\].]*)|([01])|([!'^&*|+()]))")


@dataclass(frozen=True)
class Boolean:
    """A Boolean function of named pins, as an expression tree.

    Attributes
    ----------
    op : str
        ``pin``, ``constant``, ``not``, ``and``, ``or`` or ``xor``.
    name : str
        Name of a pin, or ``0`` or ``1`` for a constant.
    terms : tuple of Boolean
        Operands.
    """

    op: str
    name: str = ""
    terms: tuple[Boolean, ...] = ()

    def pins(self) -> tuple[str, ...]:
        """Return the names of the pins that the function reads, sorted."""
        if self.op == "pin":
            return (self.name,)
        return tuple(sorted({pin for term in self.terms for pin in term.pins()}))

    def value(self, pins: dict[str, int], ones: int = 1) -> int:
        """Evaluate the function for several cases at once, one in each bit.

        Parameters
        ----------
        pins : dict of str to int
            Values of the pins; bit ``k`` belongs to case ``k``.
        ones : int
            A word with the bit of each case set.
        """
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

    def truth_table(self, pins: tuple[str, ...]) -> int:
        """Return the truth table: bit ``k`` is the value if pin ``j`` is bit ``j`` of ``k``."""
        cases = 1 << len(pins)
        columns = {pin: sum(1 << k for k in range(cases) if k >> j & 1)
                   for j, pin in enumerate(pins)}
        return self.value(columns, (1 << cases) - 1)

    def verilog(self) -> str:
        """Return a Verilog expression of the pins."""
        if self.op == "pin":
            return self.name
        if self.op == "constant":
            return f"1'b{self.name}"
        if self.op == "not":
            return f"~{self.terms[0].verilog()}"
        sign = {"and": " & ", "or": " | ", "xor": " ^ "}[self.op]
        return "(" + sign.join(term.verilog() for term in self.terms) + ")"


def parse_boolean(text: str, where: str) -> Boolean:
    """Parse a Boolean function in Liberty's syntax.

    Parameters
    ----------
    text : str
    where : str
        Cell and pin, for error messages.

    Raises
    ------
    ConfigError
        The text is not a Boolean function.
    """
    def invalid() -> ConfigError:
        return ConfigError(f"is not a Boolean function: '{text[:60]}'", where=where,
                           hint="use pin names, 0, 1, parentheses and the operators ! ' ^ & * | +")

    if len(text) > MAX_LENGTH:
        raise invalid()
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise invalid()
        tokens.append(match[1] or match[2] or match[3])
        position = match.end()
    parser = _Parser(tokens)
    try:
        result = parser.disjunction()
    except (IndexError, RecursionError):
        raise invalid() from None
    if parser.tokens:
        raise invalid()
    return result


class _Parser:
    """Recursive-descent parser; running out of tokens raises an IndexError."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def _next_is(self, signs: str) -> bool:
        if self.tokens and self.tokens[-1] in signs:
            self.tokens.pop()
            return True
        return False

    def disjunction(self) -> Boolean:
        terms = [self._conjunction()]
        while self._next_is("|+"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Boolean("or", terms=tuple(terms))

    def _conjunction(self) -> Boolean:
        terms = [self._exclusive_or()]
        while True:
            # Two adjacent terms without an operator are an AND too.
            if self._next_is("&*") or (self.tokens and self.tokens[-1] not in "|+^)&*'"):
                terms.append(self._exclusive_or())
            else:
                return terms[0] if len(terms) == 1 else Boolean("and", terms=tuple(terms))

    def _exclusive_or(self) -> Boolean:
        terms = [self._factor()]
        while self._next_is("^"):
            terms.append(self._factor())
        return terms[0] if len(terms) == 1 else Boolean("xor", terms=tuple(terms))

    def _factor(self) -> Boolean:
        token = self.tokens.pop()
        if token == "!":
            return Boolean("not", terms=(self._factor(),))
        if token == "(":
            result = self.disjunction()
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
