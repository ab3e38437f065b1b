"""Finds the importer of a file: one registration for each format, and one entry point to load any.

A new format is one module that calls ``register``, and one line in ``BUILT_IN``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TypeVar

from bnnhw.errors import ConfigError
from bnnhw.importers.base import Importer, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.unsupported import reject_unsupported

__all__ = ["find_importer", "import_model", "importers", "load_any", "load_native", "register"]

BUILT_IN = ("bnnhw.importers.yaml.importer", "bnnhw.importers.onnx.importer",
            "bnnhw.importers.finn_npz", "bnnhw.importers.keras.importer",
            "bnnhw.importers.state_dict.importer")
"""Modules that register the importers of bnnhw; they are imported at the first look-up."""

_REGISTERED: dict[str, Importer] = {}

AnyImporter = TypeVar("AnyImporter", bound=Importer)


def register(importer: AnyImporter) -> AnyImporter:
    """Make an importer known under its name, and return it.

    Raises
    ------
    ValueError
        Another importer has this name.
    """
    if _REGISTERED.setdefault(importer.name, importer) is not importer:
        raise ValueError(f"an importer named '{importer.name}' is registered already")
    return importer


def importers() -> tuple[Importer, ...]:
    """Return all registered importers."""
    for module in BUILT_IN:
        importlib.import_module(module)
    return tuple(_REGISTERED.values())


def find_importer(path: Path) -> Importer:
    """Find the importer that reads a file or folder.

    Raises
    ------
    ConfigError
        No importer accepts it. For a known file of a framework, the message names its format
        and how to convert it.
    """
    for importer in importers():
        if importer.accepts(path):
            return importer
    reject_unsupported(path)
    suffixes = sorted({suffix for importer in importers() for suffix in importer.suffixes})
    expected = f"a folder with a net.yaml, or a file that ends in {', '.join(suffixes)}"
    if path.is_dir():
        models = sorted(p for p in path.iterdir() if p.suffix in suffixes)
        raise ConfigError("is a folder without a net.yaml", where=str(path),
                          hint=f"name the model file inside of it, such as {models[0]}" if models
                          else f"expected {expected}")
    if not path.exists():
        raise ConfigError("does not exist", where=str(path),
                          hint=f"expected {expected}, or a name that 'bnnhw list designs' prints")
    raise ConfigError("has an unknown format", where=str(path), hint=f"expected {expected}")


def load_any(path: Path, options: ImportOptions | None = None) -> Network:
    """Load a network from a file or folder of any registered format.

    Parameters
    ----------
    path : Path
        Folder with a ``net.yaml``, layers file (``.yaml``), or trained model.
    options : ImportOptions or None
        Options for trained models; None for their defaults.

    Raises
    ------
    ConfigError
        The format is unknown, or the file is missing or malformed.
    ModelError
        The model contains something that has no exact integer meaning.
    ToolError
        A package that reads or checks the model is not installed.
    """
    return find_importer(path).load(path, options or ImportOptions())


def import_model(path: Path, options: ImportOptions | None = None) -> Network:
    """Load a trained model, to be saved as a network of bnnhw; see ``load_any``.

    Raises
    ------
    ConfigError
        As ``load_any``, and where the path is a network of bnnhw already.
    """
    importer = find_importer(path)
    if importer.native:
        raise ConfigError(f"is {importer.title} already", where=str(path),
                          hint="use it as it is")
    return importer.load(path, options or ImportOptions())


def load_native(path: Path) -> Network:
    """Load a network of bnnhw itself; a trained model has to be imported first.

    Raises
    ------
    ConfigError
        As ``load_any``, and where the path is a trained model.
    """
    importer = find_importer(path)
    if not importer.native:
        reject_unsupported(path)
        raise ConfigError(f"is {importer.title}, expected a network", where=str(path),
                          hint="import it, and use the folder that this writes")
    return importer.load(path, ImportOptions())
