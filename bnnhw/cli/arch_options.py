"""Creates command-line flags for the options of every registered architecture."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import typer

from bnnhw.arch import architectures

__all__ = ["ArchCommand", "flags_of"]

OPTIONS = "options"
"""Parameter of a command that receives the values of the flags by their names."""


class ArchCommand:
    """A command with a flag for each option of each architecture.

    The flags are found when the command line is parsed, so that an architecture that was
    registered in the meantime has its flags too.

    Parameters
    ----------
    function : callable
        The command; its parameter ``options`` receives a dictionary of the flags that were given.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    @property
    def __annotations__(self) -> dict[str, object]:  # type: ignore[override]
        return {name: p.annotation for name, p in self.__signature__.parameters.items()}

    @property
    def __signature__(self) -> inspect.Signature:
        hints = get_type_hints(self._function)
        parameters = []
        for name, parameter in inspect.signature(self._function).parameters.items():
            if name == OPTIONS:
                parameters += _flags()
            else:
                parameters.append(parameter.replace(annotation=hints[name]))
        return inspect.Signature(parameters)

    def __call__(self, **values: object) -> None:
        names = [flag.name for flag in _flags()]
        given = {name: values.pop(name) for name in names}
        self._function(**values, options={k: v for k, v in given.items() if v is not None})


def _flags() -> list[inspect.Parameter]:
    """One optional parameter per option of any architecture."""
    found: dict[str, tuple[Any, list[str]]] = {}
    for arch in architectures().values():
        hints = get_type_hints(arch.Options)
        for field in dataclasses.fields(arch.Options):
            text = f"{arch.name.capitalize()}: {field.metadata.get('help', '')}"
            found.setdefault(field.name, (hints[field.name], []))[1].append(text)
    return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind,
                              default=typer.Option(None, help=" ".join(texts)))
            for name, (kind, texts) in found.items()]


def flags_of(options: dict[str, object]) -> list[str]:
    """The arguments that give these options again."""
    return [text for name, value in options.items()
            for text in (f"--{name.replace('_', '-')}", str(value))]
