"""Parser for the Liberty file format (.lib): turns its text into groups and attributes.

This module knows the grammar only; ``cell.py`` interprets the groups. Files are untrusted input:
the nesting depth is limited, and every error names the line.

Tools differ in the part of the grammar that they accept. While the text is parsed, edits are
collected that normalise it for all of them: ``Group.edits`` of the library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bnnhw.errors import ConfigError

__all__ = ["Edit", "Group", "apply_edits", "parse_liberty"]

MAX_DEPTH = 24
"""Deepest accepted nesting of groups; real files use six levels."""

# Possessive quantifiers rule out backtracking, so that no input makes matching slow.
_SPACE = re.compile(r"(?:[\s\\;]++|/\*(?:[^*]++|\*(?!/))*+\*/|//[^\n]*+)*+")
_NAME = re.compile(r"[A-Za-z_][\w.$\-]*+")
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_ARGUMENTS = re.compile(rf'[ \t]*+\(((?:{_STRING}|[^"()]++)*+)\)', re.DOTALL)
_VALUE = re.compile(rf'[ \t]*+:[ \t]*+({_STRING}|(?:[^";\n{{}}/]|/(?![*/]))*+)', re.DOTALL)
_OPEN = re.compile(r"[ \t\r\n\\]*+\{")
_ARGUMENT = re.compile(rf'{_STRING}|[^\s,"\\]++', re.DOTALL)
_NOTE = r"/\*(?:[^*]++|\*(?!/))*+\*/|//[^\n]*+"
_BETWEEN = re.compile(rf"{_NOTE}|;")
_END = re.compile(rf"(?:[\s\\]++|{_NOTE})*+;")
_LITERAL = re.compile(r"[\s(]*+(!?)[\s(]*+([A-Za-z_][\w\[\].]*+)[\s)]*+('?)[\s)]*+")

EXPRESSIONS = frozenset({
    "function", "three_state", "state_function", "x_function", "enable", "enable_also", "data_in",
    "next_state", "clocked_on", "clocked_on_also", "clear", "preset", "when",
    "power_down_function"})
"""Attributes whose values are Boolean expressions."""

Edit = tuple[int, int, str]
"""Begin and end position (exclusive) of the characters to replace, and the text for them."""


@dataclass
class Group:
    """One group: ``kind (args) { ... }``.

    Attributes
    ----------
    kind : str
    args : tuple of str
        Without quotes.
    line : int
    span : (int, int)
        Begin and end of the part inside its braces, as positions in the text.
    simple : dict of str to str
        Attributes ``name : value``; of a repeated name, the last value.
    complex : dict of str to tuple of str
        Attributes ``name (values)``; of a repeated name, the last values.
    groups : list of Group
    area : (int, int) or None
        Begin and end of the value of its attribute ``area`` in the text.
    edits : list of Edit
        For a ``library`` group: edits that normalise the text for all tools.
    """

    kind: str
    args: tuple[str, ...]
    line: int
    span: tuple[int, int] = (0, 0)
    simple: dict[str, str] = field(default_factory=dict)
    complex: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    area: tuple[int, int] | None = None
    edits: list[Edit] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """The first argument; empty if there is none."""
        return self.args[0] if self.args else ""

    def all(self, *kinds: str) -> Iterator[Group]:
        """Return the direct subgroups of some kinds."""
        return (group for group in self.groups if group.kind in kinds)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a simple attribute as a number.

        Raises
        ------
        ConfigError
            The attribute is missing and has no default, or is not a number.
        """
        text = self.simple.get(name)
        if text is None and default is not None:
            return default
        try:
            value = float(text or "")
        except ValueError:
            raise ConfigError(f"'{name}' of {self.kind} '{self.name}' is "
                              f"{'missing' if text is None else repr(text[:40])}, not a number",
                              where=f"line {self.line}") from None
        if not abs(value) < 1e30:  # also catches NaN
            raise ConfigError(f"'{name}' of {self.kind} '{self.name}' is out of range",
                              where=f"line {self.line}")
        return value

    def flag(self, name: str) -> bool:
        """Return whether a simple attribute is present and true."""
        return self.simple.get(name, "false").lower() == "true"


def parse_liberty(text: str, name: str = "library") -> Group:
    """Parse the one ``library`` group of a file.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for error messages.

    Raises
    ------
    ConfigError
        The text is not valid Liberty; the error names the line.
    """
    def syntax_error(at: int, what: str) -> ConfigError:
        return ConfigError(what, where=f"{name}, line {text.count(chr(10), 0, at) + 1}")

    root = Group("file", (), 1)
    stack = [root]
    edits: list[Edit] = []
    at, line, counted, attribute = 0, 1, 0, False
    while True:
        space = _SPACE.match(text, at)
        if space is not None:
            edits += _between(text, at, space.end(), attribute)
            at = space.end()
        attribute = False
        if at >= len(text):
            break
        # Lines are counted incrementally; counting from the start each time would be quadratic.
        line, counted = line + text.count("\n", counted, at), at
        if text[at] == "}":
            if len(stack) == 1:
                raise syntax_error(at, "has a '}' without a matching '{'")
            group = stack.pop()
            group.span = (group.span[0], at + 1)
            at += 1
            continue
        word = _NAME.match(text, at)
        if word is None:
            raise syntax_error(at, f"expected an attribute or a group, found {text[at:at + 20]!r}")
        value = _VALUE.match(text, word.end())
        if value is not None:
            stack[-1].simple[word[0]] = _unquoted(value[1])
            if word[0] == "area":
                stack[-1].area = value.span(1)
            elif word[0] in EXPRESSIONS:
                edits += _expression(value[1], value.start(1))
            at = value.end()
            missing = _missing_semicolon(text, at)
            edits += missing
            attribute = not missing
            continue
        arguments = _ARGUMENTS.match(text, word.end())
        if arguments is None:
            raise syntax_error(at, f"'{word[0][:40]}' is followed by neither ':' nor '(...)'")
        args = tuple(_unquoted(a) for a in _ARGUMENT.findall(arguments[1]))
        opened = _OPEN.match(text, arguments.end())
        if opened is None:
            if word[0] == "include_file":
                raise syntax_error(at, "includes another file, which is not supported")
            stack[-1].complex[word[0]] = args
            at = arguments.end()
            missing = _missing_semicolon(text, at)
            edits += missing
            attribute = not missing
            continue
        if len(stack) > MAX_DEPTH:
            raise syntax_error(at, f"has groups nested more than {MAX_DEPTH} deep")
        at = opened.end()
        group = Group(word[0], args, line, (at, at))
        stack[-1].groups.append(group)
        stack.append(group)
    if len(stack) > 1:
        raise ConfigError(f"{stack[-1].kind} '{stack[-1].name}' is not closed",
                          where=f"{name}, line {stack[-1].line}")
    libraries = list(root.all("library"))
    if len(libraries) != 1:
        raise ConfigError(f"has {len(libraries)} library groups, expected one", where=name,
                          hint="give a Liberty file (.lib)")
    libraries[0].edits = edits
    return libraries[0]


def apply_edits(text: str, edits: list[Edit]) -> str:
    """Return the text after all edits, which must not overlap."""
    parts, at = [], 0
    for begin, end, new in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[at:begin], new]
        at = end
    return "".join(parts) + text[at:]


def _between(text: str, begin: int, end: int, expected: bool) -> list[Edit]:
    """Return edits that remove comments and stray semicolons, which not every tool accepts.

    With ``expected``, the first semicolon ends an attribute and is kept.
    """
    edits: list[Edit] = []
    if text.find("/", begin, end) < 0 and text.count(";", begin, end) <= expected:
        return edits
    for match in _BETWEEN.finditer(text, begin, end):
        if match[0] == ";" and expected:
            expected = False
            continue
        edits.append((match.start(), match.end(), "\n" * match[0].count("\n") or " "))
    return edits


def _missing_semicolon(text: str, at: int) -> list[Edit]:
    """Return the edit for a missing semicolon after an attribute, which some files leave out."""
    return [] if _END.match(text, at) else [(at, at, ";")]


def _expression(value: str, begin: int) -> list[Edit]:
    """Return the edit that quotes an expression and writes a single pin as ``A`` or ``!A``.

    ABC accepts no parentheses outside quotes; Yosys does not recognise ``(D)`` as a single pin.
    """
    plain = _unquoted(value)
    literal = _LITERAL.fullmatch(plain)
    if literal is not None and plain.count("(") == plain.count(")"):
        plain = ("!" if bool(literal[1]) != bool(literal[3]) else "") + literal[2]
    new = f'"{plain}"'
    return [] if new == value else [(begin, begin + len(value), new)]


def _unquoted(value: str) -> str:
    """Return a value without quotes and with continued lines joined."""
    value = value.strip()
    if value.startswith('"'):
        value = value[1:-1]
    return value.replace("\\\n", " ").replace("\\\r\n", " ").strip()
