"""Checks a network description, from layers.yaml or from Python, and names every wrong key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bnnhw.config.items import LayerItem
from bnnhw.config.yaml_text import parse_yaml
from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir.layer import ITEMS

__all__ = ["check_config", "read_config"]

Model = TypeVar("Model", bound=BaseModel)

SHOWN_LENGTH = 40
"""Characters up to which an error message shows a list that is wrong."""


def read_config(path: Path) -> NetConfig:
    """Read and check a layers.yaml.

    Raises
    ------
    ConfigError
        One line that names every key that is wrong.
    """
    return check_config(parse_yaml(path), path.name)


def check_config(data: object, where: str) -> NetConfig:
    """Check the description of a network.

    Parameters
    ----------
    data : mapping
        The keys of a layers.yaml, with values of basic Python types.
    where : str
        What the error names as the source, such as the file.

    Raises
    ------
    ConfigError
        One line that names every key that is wrong.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"is {_type_of(data)}, expected the keys name, input, weights and layers",
                          where=where)
    layers = data.get("layers")
    if "layers" in data and (not isinstance(layers, (list, tuple)) or not layers):
        raise ConfigError(f"'layers' is {_type_of(layers)}, expected a list of at least one layer",
                          where=where, hint="for example '- {dense: 64}'")
    problems: list[str] = []
    items = [_check_item(k, item, problems) for k, item in enumerate(layers or [])]
    others = {**data, "layers": tuple(i for i in items if i is not None)}
    if "layers" not in data:
        del others["layers"]
    config = None if problems and not others.get("layers") else _validate(NetConfig, others, "",
                                                                          problems)
    if problems or config is None:
        raise ConfigError("; ".join(problems), where=where)
    return config


def _check_item(k: int, item: object, problems: list[str]) -> LayerItem | None:
    """Check an entry of ``layers``: a word, or a mapping with the kind as a key."""
    at = f"layers.{k}"
    if isinstance(item, str):
        item = {item: True}
    if not isinstance(item, dict):
        problems.append(f"{at} is {_type_of(item)}, expected a layer such as '{{dense: 64}}'")
        return None
    kinds = [kind for kind in ITEMS if kind in item]
    if len(kinds) != 1:
        found = ", ".join(map(str, item)) or "nothing"
        problems.append(f"{at} has the keys {found}, expected one of {', '.join(ITEMS)}")
        return None
    model, value = ITEMS[kinds[0]], item[kinds[0]]
    if model.needs and (value is True or value is None):
        problems.append(f"{at}.{kinds[0]} needs {model.needs}")
        return None
    return _validate(model, item, at, problems)


def _validate(model: type[Model], data: object, at: str, problems: list[str]) -> Model | None:
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
                isinstance(given, list) and len(repr(given)) < SHOWN_LENGTH)
            shown = f" (found {given!r})" if short else ""
            problems.append(f"{path}: {message[0].lower()}{message[1:]}{shown}")
        return None


def _type_of(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
