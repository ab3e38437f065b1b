"""Prints the JSON documents of ``--json``, each under the name of its schema."""

from __future__ import annotations

import json

from bnnhw.cli.schemas import SCHEMAS
from bnnhw.json_types import Json

__all__ = ["print_json", "printed"]

printed: list[str] = []
"""Schemas of the documents that this command has printed: an error then prints no second one."""


def print_json(schema: str, data: Json) -> None:
    """Print a JSON document alone on standard output; ``schema`` is a key of ``SCHEMAS``."""
    assert schema in SCHEMAS, schema
    print(json.dumps({"schema": schema, **data}, indent=1))
    printed.append(schema)
