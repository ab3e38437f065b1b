"""Reads how a model names a quantiser: a name, a call such as ``quantized_bits(4,0)``, or JSON."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields

from bnnhw.errors import ModelError
from bnnhw.importers.keras.options import bare_class

__all__ = ["Identifier", "arguments", "read_identifier"]

MAX_TEXT = 1000


@dataclass(frozen=True)
class Identifier:
    """A named function or class with its arguments.

    Attributes
    ----------
    name : str
    positional : tuple of object
    keywords : dict of str to object
    """

    name: str
    positional: tuple[object, ...]
    keywords: dict[str, object]


def read_identifier(value: object, where: str) -> Identifier | None:
    """Read the identifier of a function; None where there is none.

    Raises
    ------
    ModelError
        It is malformed. Only literals are allowed as arguments, and nothing is evaluated.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _from_text(value, where)
    if isinstance(value, dict) and isinstance(value.get("config"), str):
        return Identifier(bare_class(value["config"], where), (), {})  # a function
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        keywords = {str(key): v for key, v in value["config"].items()}
        return Identifier(bare_class(value.get("class_name"), where), (), keywords)
    raise ModelError(f"has the function {str(value)[:80]!r}, expected its name", where=where)


def _from_text(text: str, where: str) -> Identifier:
    error = ModelError(f"has the function {text[:80]!r}, expected a name, or a call with numbers",
                       where=where)
    if len(text) > MAX_TEXT:
        raise error
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return Identifier(node.id, (), {})
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise error
        positional = tuple(ast.literal_eval(arg) for arg in node.args)
        keywords = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise error from None
    return Identifier(node.func.id, positional, keywords)


def arguments(kind: type, identifier: Identifier, ignored: frozenset[str],
              where: str) -> dict[str, object]:
    """Assign the arguments of a call to the fields of a dataclass, in their order.

    Parameters
    ----------
    kind : type
        A dataclass whose fields begin with the positional arguments of the framework's class.
    identifier : Identifier
    ignored : frozenset of str
        Keywords that do not change the result of a trained model.
    where : str

    Raises
    ------
    ModelError
        There are too many arguments, or unknown ones.
    """
    names = [field.name for field in fields(kind)]
    if len(identifier.positional) > len(names):
        raise ModelError(f"gives '{identifier.name}' {len(identifier.positional)} arguments, "
                         f"expected at most {len(names)}", where=where)
    given = dict(zip(names, identifier.positional, strict=False))
    for key, value in identifier.keywords.items():
        if key in names:
            given[key] = value
        elif key not in ignored:
            raise ModelError(f"gives '{identifier.name}' the unknown argument '{key}'",
                             where=where)
    return given
