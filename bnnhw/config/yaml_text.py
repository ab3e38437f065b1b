"""Reads YAML text, with numbers as people write them and without aliases.

PyYAML follows YAML 1.1, which reads 1e-5 as text, 010 as octal 8 and 12:30 as 750. Here every usual
numeral is a number, and a numeral with two readings is an error.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import yaml

from bnnhw.errors import ConfigError

__all__ = ["parse_yaml"]

MAX_BYTES = 1 << 20

NAMES = frozenset({"name", "from", "output", "outputs", "weights", "add", "concat", "type",
                   "memory", "layers"})
"""Keys whose values are names or words; ``layers`` also lists words."""

_PREFIXED = r"[-+]?0(?:x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)"
_DECIMAL = r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
_SPECIAL = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_NUMBER = re.compile(rf"(?:{_PREFIXED}|{_DECIMAL}|{_SPECIAL})\Z")
_OCTAL = re.compile(r"[-+]?0[0-9_]+\Z")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")


class _Loader(yaml.SafeLoader):
    """A safe loader with the numbers of this module, and without dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag.rpartition(":")[2] not in ("int", "float", "timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_START = list("-+.0123456789")
_Loader.add_implicit_resolver("!ambiguous", _OCTAL, _START)
_Loader.add_implicit_resolver("!ambiguous", _SEXAGESIMAL, _START)
_Loader.add_implicit_resolver("!number", _NUMBER, _START)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    prefix = text.lstrip("+-")[:2]
    if prefix in ("0x", "0o", "0b"):
        return int(text, 0)
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    # 1e3 is the integer 1000, so that it is legal where integers are expected.
    integer = "e" in text and math.isfinite(value) and value.is_integer() and abs(value) < 1 << 53
    return int(value) if integer else value


_Loader.add_constructor("!number", _number)


def parse_yaml(path: Path) -> object:
    """Read a YAML file.

    Raises
    ------
    ConfigError
        The file cannot be read, is not YAML, or has a numeral with two readings.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"is {len(raw)} bytes long, at most {MAX_BYTES} are supported",
                          where=path.name, hint="weights belong in the .npz")
    try:
        text = raw.decode()
        if any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, _Loader)):
            raise ConfigError("uses YAML aliases, which are not supported", where=path.name,
                              hint="write the value out")
        _check(yaml.compose(text, _Loader), path)
        return yaml.load(text, _Loader)  # a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(f"is not YAML{at}: {problem}", where=path.name) from None


def _check(node: yaml.Node | None, path: Path, name: bool = False) -> None:
    """Raise ``ConfigError`` for repeated keys, ambiguous numerals, and truth values as names."""
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys:  # YAML lets the last of two equal keys win
                raise ConfigError(f"has the key '{key.value}' twice in line "
                                  f"{key.start_mark.line + 1}", where=path.name)
            keys.add(str(key.value))
            _check(key, path, True)
            inside = isinstance(value, yaml.MappingNode) and key.value != "outputs"
            _check(value, path, (name or key.value in NAMES) and not inside)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check(value, path, name and not isinstance(value, yaml.MappingNode))
    elif isinstance(node, yaml.ScalarNode):
        line = node.start_mark.line + 1
        if node.tag == "!ambiguous":
            raise ConfigError(f"'{node.value}' in line {line} can be read as "
                              f"{_readings(node.value)}", where=path.name,
                              hint="write a plain decimal number, or put text in quotes")
        if name and node.tag.endswith(":bool") and node.value.lower() not in ("true", "false"):
            raise ConfigError(f"'{node.value}' in line {line} is a truth value in YAML",
                              where=path.name, hint="put it in quotes if it is a name")


def _readings(text: str) -> str:
    """Describe the two readings of an ambiguous numeral."""
    plain = text.replace("_", "")
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    if ":" in digits:
        value = 0.0
        for part in digits.split(":"):
            value = value * 60 + float(part)
        return f"the text '{text}' or in base 60 as {sign * value:g}"
    decimal = f"{sign * int(digits)}"
    if set(digits) & {"8", "9"}:
        return f"the text '{text}' or as {decimal}"
    return f"{sign * int(digits, 8)} or as {decimal}"
