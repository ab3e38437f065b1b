"""A layers.yaml as a checked ``NetConfig``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bnnhw.config.yaml_text import parse_yaml
from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.schema import ITEMS, NetConfig

__all__ = ["check_config", "read_config"]

Model = TypeVar("Model", bound=BaseModel)

NEEDS = {
    "dense": "the number of outputs, such as 'dense: 64'",
    "conv": "the number of outputs, such as '{conv: 64, kernel: 3}'",
    "depthwise": "its kernel, such as 'depthwise: 3'",
    "max_pool": "its window, such as 'max_pool: 2'",
    "sum_pool": "its window, such as 'sum_pool: 2', or 'sum_pool: global'",
    "upsample": "its factor, such as 'upsample: 2'",
    "add": "the name of a layer", "concat": "the name of a layer",
    "binarize": "its threshold, such as 'binarize: 128'",
}
"""Kinds that cannot stand as a word alone, and what they need."""


def read_config(path: Path) -> NetConfig:
    """Read and check a layers.yaml.

    Raises
    ------
    ConfigError
        One line that names every key that is wrong.
    """
    return check_config(parse_yaml(path), path.name)


def check_config(data: Any, where: str) -> NetConfig:
    """Check the contents of a layers.yaml.

    Parameters
    ----------
    data : object
        What the YAML describes: a dict with the keys of ``NetConfig``.
    where : str
        What errors call it, such as the name of the file.

    Raises
    ------
    ConfigError
        One line that names every key that is wrong.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"holds {_a(data)}, expected the keys name, input, weights and layers",
                          where=where)
    layers = data.get("layers")
    if "layers" in data and (not isinstance(layers, list) or not layers):
        raise ConfigError(f"'layers' is {_a(layers)}, expected a list of at least one layer",
                          where=where, hint="for example '- {dense: 64}'")
    problems: list[str] = []
    items = [_item(k, item, problems) for k, item in enumerate(layers or [])]
    rest = {**data, "layers": tuple(i for i in items if i is not None)}
    if "layers" not in data:
        del rest["layers"]
    config = None if problems and not rest.get("layers") else _validate(NetConfig, rest, "",
                                                                        problems)
    if problems or config is None:
        raise ConfigError("; ".join(problems), where=where)
    return config


def _item(k: int, item: Any, problems: list[str]) -> Any:
    """One entry of ``layers``: a word such as ``argmax``, or a mapping with the kind as a key."""
    at = f"layers.{k}"
    if isinstance(item, str):
        item = {item: True}
    if not isinstance(item, dict):
        problems.append(f"{at} is {_a(item)}, expected a layer such as '{{dense: 64}}'")
        return None
    kinds = [kind for kind in ITEMS if kind in item]
    if len(kinds) != 1:
        found = ", ".join(map(str, item)) or "nothing"
        problems.append(f"{at} has the keys {found}, expected one of {', '.join(ITEMS)}")
        return None
    if kinds[0] in NEEDS and (item[kinds[0]] is True or item[kinds[0]] is None):
        problems.append(f"{at}.{kinds[0]} needs {NEEDS[kinds[0]]}")
        return None
    return _validate(ITEMS[kinds[0]], item, at, problems)


def _validate(model: type[Model], data: Any, at: str,
              problems: list[str]) -> Model | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for e in error.errors():
            path = ".".join(str(p) for p in ([at] if at else []) + list(e["loc"]))
            message = e["msg"].removeprefix("Value error, ")
            if e["type"] == "extra_forbidden":
                known = ", ".join(f.alias or k for k, f in model.model_fields.items())
                message = f"unknown key, expected {known}"
            given = e["input"]
            short = isinstance(given, (str, int, float)) or (
                isinstance(given, list) and len(repr(given)) < 40)
            shown = f" (found {given!r})" if short else ""
            problems.append(f"{path}: {message[0].lower()}{message[1:]}{shown}")
        return None


def _a(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
