"""Compares JSON documents with their schemas, and writes the page of schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bnnhw.cli.schemas import SCHEMAS

__all__ = ["Field", "fields", "markdown", "problems"]

TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "number": (int, float), "text": (str,), "bool": (bool,),
    "object": (dict, list, int, float, str, bool, type(None)), "null": (type(None),)}


@dataclass(frozen=True)
class Field:
    """One line of a schema."""

    path: str
    type: str
    meaning: str

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys, ``*`` and ``[]`` from the root on."""
        return tuple(re.findall(r"\[\]|[^.\[\]?]+", self.path))

    @property
    def optional(self) -> bool:
        return "?" in self.path

    def accepts(self, value: object) -> bool:
        kinds = self.type.split("|")
        if isinstance(value, bool):
            return "bool" in kinds or "object" in kinds
        return any(isinstance(value, TYPES[kind]) for kind in kinds)


def fields(schema: str) -> list[Field]:
    """Return the lines of a schema."""
    lines = [line for line in SCHEMAS[schema].splitlines() if line]
    return [Field("schema", "text", "name and version of this schema"),
            *(Field(*line.split(" ", 2)) for line in lines)]


def _leaves(value: object,
            keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield every value inside a document, containers included, with its keys."""
    if keys:
        yield keys, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, (*keys, "[]"))


def _matches(keys: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(keys) == len(pattern) and all(
        wanted == key or (wanted == "*" and key != "[]")
        for key, wanted in zip(keys, pattern, strict=True))


def problems(document: object) -> list[str]:
    """Say where a document differs from its schema; an empty list where it does not."""
    name = document.get("schema") if isinstance(document, dict) else None
    if name not in SCHEMAS:
        return [f"schema is {name!r}, expected one of {', '.join(SCHEMAS)}"]
    rows = fields(name)
    found = []
    opaque: tuple[str, ...] | None = None
    for keys, value in _leaves(document):
        if opaque is not None and keys[:len(opaque)] == opaque and len(keys) > len(opaque):
            continue
        opaque = None
        exact = [row for row in rows if _matches(keys, row.keys)]
        exact.sort(key=lambda row: "*" in row.keys)
        inner = [row for row in rows if len(row.keys) > len(keys)
                 and _matches(keys, row.keys[:len(keys)])]
        if inner and isinstance(value, (dict, list)):
            continue
        if exact and exact[0].accepts(value):
            opaque = keys if isinstance(value, (dict, list)) else None
        elif not (value is None and inner and all(row.optional for row in inner)):
            expected = exact[0].type if exact else "nothing"
            found.append(f"{'.'.join(keys)} is {value!r}, expected {expected}")
    return found + [f"{row.path} is missing" for row in rows
                    if not row.optional and "*" not in row.keys and _missing(document, row.keys)]


def _missing(value: Any, keys: tuple[str, ...]) -> bool:
    """Whether a key is absent although what surrounds it is there."""
    if not keys:
        return False
    first, *others = keys
    if first == "[]":
        return any(_missing(inner, tuple(others)) for inner in value)
    if not isinstance(value, dict):
        return False
    if first not in value:
        return not others or "[]" not in others
    return _missing(value[first], tuple(others))


def markdown() -> str:
    """All schemas as tables of a page."""
    parts = []
    for name in SCHEMAS:
        parts += [f"## {name}\n", "| key | type | meaning |", "| --- | --- | --- |"]
        parts += [f"| `{row.path}` | {row.type.replace('|', ' or ')} | {row.meaning} |"
                  for row in fields(name)]
        parts.append("")
    return "\n".join(parts)
