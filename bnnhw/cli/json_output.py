"""Prints the JSON documents of ``--json``, each under the name of its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bnnhw.cli.schemas import SCHEMAS

__all__ = ["print_json", "printed"]

printed: list[str] = []
"""Schemas of the documents that this command has printed: an error then prints no second one."""


def print_json(schema: str, data: Mapping[str, object]) -> None:
    """Print a JSON document alone on standard output; ``schema`` is a key of ``SCHEMAS``."""
    assert schema in SCHEMAS, schema
    print(json.dumps({"schema": schema, **data}, indent=1))
    printed.append(schema)
