"""Loads a network by name, folder or file, and imports trained models."""

from __future__ import annotations

import re
from pathlib import Path

import bnnhw.designs as designs
from bnnhw.errors import ConfigError, option
from bnnhw.importers.finn_npz import import_finn_npz
from bnnhw.importers.formats import MODEL_SUFFIXES, refuse_as_model
from bnnhw.importers.imported import Imported
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.onnx.check import DEFAULT_CHECK, Check
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.model_input import INPUT_TYPES

__all__ = ["import_model", "load", "network_of"]


def load(name_or_path: str | Path, *, input_type: str = "uint8",
         pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True,
         check: bool = True) -> Network:
    """Load a network.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped design or example, folder with a ``net.yaml``, layers file (``.yaml``),
        or trained model (``.onnx``, or ``.npz`` of FINN).
    input_type : str
        Trained models: what a sample is. ``uint8`` pixels, ``int8`` numbers that the model sees
        multiplied by HI/127, or ``bits`` that it sees as -1 and +1.
    pixel_range : (float, float)
        Trained models: what the model sees for pixel 0 and pixel 255.
    argmax : bool
        Trained models: add an output ``label`` after the scores.
    check : bool
        ONNX: compare every tensor with an independent execution on random samples.

    Raises
    ------
    ConfigError
        The network does not exist, or a file of it is malformed.
    ModelError
        A layer has no exact integer meaning.
    ToolError
        A package that reads the model is not installed.
    """
    path = Path(name_or_path)
    if path.suffix in MODEL_SUFFIXES and path.is_file():
        legal = re.sub(r"\W", "_", path.stem.encode("ascii", "ignore").decode())[:40]
        imported = import_model(path, legal if legal[:1].isalpha() else f"net_{legal}"[:40],
                                input_type, pixel_range, argmax, DEFAULT_CHECK if check else None)
        return network_of(imported)
    if not path.exists() and str(name_or_path) in (*designs.names(), *designs.examples()):
        path = designs.path(str(name_or_path))
    return load_network(path)


def import_model(model: Path, name: str, input_type: str, pixel_range: tuple[float, float],
                 argmax: bool, check: Check | None = DEFAULT_CHECK) -> Imported:
    """Import a trained model from an ONNX file or from FINN's ``.npz``, by its suffix.

    Parameters
    ----------
    model : Path
    name : str
        Name of the network: a legal Verilog identifier.
    input_type, pixel_range, argmax
        As in ``load``.
    check : Check or None
        ONNX: how to compare the result with an independent execution; None to skip it.
    """
    if input_type not in INPUT_TYPES:
        raise ConfigError(f"{option('input_type', input_type)} is unknown",
                          hint=f"use one of {', '.join(INPUT_TYPES)}")
    if pixel_range[0] == pixel_range[1]:
        raise ConfigError(f"both numbers of {option('pixel_range')} are {pixel_range[0]:g}",
                          hint="give what the model sees for pixel 0 and for pixel 255")
    refuse_as_model(model)
    if model.suffix == ".npz":
        return import_finn_npz(model, name, argmax)
    return import_onnx(model, name=name, input_type=input_type, pixel_range=pixel_range,
                       argmax=argmax, check=check)


def network_of(imported: Imported) -> Network:
    """Return an imported model as the network that its saved files load as."""
    return Network(imported.graph, {}, imported.certificates,
                   imported.scores.to_json() if imported.scores else None, imported.notes,
                   imported.check)
