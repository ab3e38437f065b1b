"""Type alias for parsed JSON objects: dictionaries with string keys."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Json"]

Json: TypeAlias = dict[str, Any]
"""A JSON object from a file or for one, such as a plan, a manifest, a report or Yosys' netlist.

Its values have no static types, because code reads them by keys to any depth; whoever reads a file
that others may have changed checks its values. A function that only makes an object, for
``json.dumps`` or for a document around it, returns ``dict[str, object]`` instead.
"""
