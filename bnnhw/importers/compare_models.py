"""Opens what a network is compared with: an ONNX file, or a live model of PyTorch or Brevitas."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.comparison import Comparison
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.check import Executor
from bnnhw.importers.onnx.compare import compare_with
from bnnhw.importers.onnx.imported import Imported
from bnnhw.importers.onnx.importer import import_onnx_model
from bnnhw.importers.onnx.model_file import load_onnx
from bnnhw.ir.types import NAMED_INTEGERS, Bits

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["compare_network"]


def compare_network(network: Network, model: str | os.PathLike[str] | Module, x: np.ndarray, *,
                    pixel_range: tuple[float, float] = (0.0, 1.0),
                    layout: str | None = None) -> Comparison:
    """Compare a network with a float model; see ``Network.compare``."""
    samples = network.graph.accept_input(np.asarray(x), layout)
    if not len(samples):
        raise ConfigError("there are no samples to compare", where="input array")
    options = ImportOptions(network.name, _input_type(network), pixel_range, check=None)
    if isinstance(model, (str, os.PathLike)):
        imported, make_executor = import_onnx_model(load_onnx(Path(model)), options)
        executor = make_executor()
    else:
        imported, executor = _live(model, network, options)
    return compare_with(network, imported, executor, samples)


def _live(model: Module, network: Network, options: ImportOptions) -> tuple[Imported, Executor]:
    from bnnhw.importers.live_models import open_live

    return open_live(model, network, options)


def _input_type(network: Network) -> str:
    element = network.graph.input.element
    if isinstance(element, Bits):
        return "bits"
    for name, known in NAMED_INTEGERS.items():
        if element == known:
            return name
    raise ConfigError(f"the network reads {network.graph.input}, which no imported network does",
                      where=f"network '{network.name}'", hint="compare an imported network")


