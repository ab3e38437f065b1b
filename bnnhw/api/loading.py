"""Loads a network by name, or from a folder or file of any format that an importer reads."""

from __future__ import annotations

from pathlib import Path

import bnnhw.designs as designs
from bnnhw.importers.base import DEFAULT_CHECK, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.registry import load_any

__all__ = ["load", "network_path"]


def load(name_or_path: str | Path, *, input_type: str = "uint8",
         pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True,
         check: bool = True, layers: str | Path | None = None) -> Network:
    """Load a network.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a shipped design or example, folder with a ``net.yaml``, layers file (``.yaml``),
        or trained model (``.onnx``, ``.h5`` or ``.keras`` of Keras, ``.npz`` of FINN,
        ``.pt`` of PyTorch with ``layers``).
    input_type : str
        Trained models: what a sample is. ``uint8`` pixels, ``int8`` numbers that the model sees
        multiplied by HI/127, or ``bits`` that it sees as -1 and +1.
    pixel_range : (float, float)
        Trained models: what the model sees for pixel 0 and pixel 255.
    argmax : bool
        Trained models: add an output ``label`` after the scores.
    check : bool
        ONNX and Keras: compare every tensor with an independent execution on random samples.
    layers : str, Path or None
        PyTorch's state dict (``.pt``): file that describes its layers (docs/import.md).

    Raises
    ------
    ConfigError
        The network does not exist, or a file of it is malformed.
    ModelError
        A layer has no exact integer meaning.
    ToolError
        A package that reads the model is not installed.
    """
    options = ImportOptions("", input_type, pixel_range, argmax, DEFAULT_CHECK if check else None,
                            None if layers is None else Path(layers))
    return load_any(network_path(name_or_path), options)


def network_path(name_or_path: str | Path) -> Path:
    """Return the path of a network that is given by path, or by name of a shipped one."""
    path = Path(name_or_path)
    if not path.exists() and str(name_or_path) in (*designs.names(), *designs.examples()):
        return designs.path(str(name_or_path))
    return path
