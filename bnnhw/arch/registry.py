"""Registers architectures by name: each with one call, from this package or any other file."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, TypeVar

from bnnhw.arch.base import Architecture
from bnnhw.errors import ConfigError, PlanError, option

__all__ = ["architectures", "get_arch", "make_options", "register"]

_REGISTERED: dict[str, Architecture[Any]] = {}

A = TypeVar("A", bound=Architecture[Any])


def register(arch: A) -> A:
    """Make an architecture known under its name, and return it.

    Raises
    ------
    PlanError
        Another architecture has this name.
    """
    if _REGISTERED.setdefault(arch.name, arch) is not arch:
        raise PlanError(f"an architecture named '{arch.name}' is already registered",
                        hint="choose another name")
    return arch


def architectures() -> dict[str, Architecture[Any]]:
    """All architectures, sorted by name; every folder of ``bnnhw.arch`` registers one."""
    import bnnhw.arch as package

    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            importlib.import_module(f"{package.__name__}.{module.name}")
    return {name: _REGISTERED[name] for name in sorted(_REGISTERED)}


def get_arch(name: str) -> Architecture[Any]:
    """Look up an architecture by name.

    Raises
    ------
    PlanError
        No architecture has this name.
    """
    known = architectures()
    if name not in known:
        raise PlanError(f"unknown architecture '{name}'", hint=f"use one of {', '.join(known)}")
    return known[name]


def make_options(arch: Architecture[Any], values: Mapping[str, object]) -> object:
    """Make the ``Options`` of an architecture from keywords; None stands for the default.

    Raises
    ------
    ConfigError
        The architecture has no such option.
    """
    names = [field.name for field in dataclasses.fields(arch.Options)]
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name not in names:
            owners = [other.name for other in architectures().values()
                      if name in (field.name for field in dataclasses.fields(other.Options))]
            known = ", ".join(map(option, ("ii", "fps", "clock_mhz", *names)))
            raise ConfigError(
                f"architecture '{arch.name}' has no option {option(name)}",
                hint=f"use {option('arch', owners[0])}" if owners else f"its options are {known}")
    return arch.Options(**given)
