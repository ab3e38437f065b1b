"""Opens a live model of PyTorch or Brevitas for a comparison with a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ConfigError, ModelError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.brevitas_model import import_brevitas, is_brevitas
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.check import Executor
from bnnhw.importers.onnx.imported import Imported
from bnnhw.importers.torch_model.importer import LiveImport, import_live
from bnnhw.importers.torch_model.inference import inference, run_model
from bnnhw.importers.torch_model.packages import torch_module

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["open_live"]


@dataclass(frozen=True)
class _Framework:
    """How models of a framework are recognised and imported; the first that accepts one is used."""

    accepts: Callable[[Module], bool]
    load: Callable[[Module, np.ndarray, ImportOptions, str | None], LiveImport]


FRAMEWORKS = (_Framework(is_brevitas, import_brevitas), _Framework(lambda _: True, import_live))


class _LiveExecution:
    """Executes a live model: its outputs by torch, the tensors inside by the executor of ONNX."""

    tensors = None

    def __init__(self, model: Module, opened: LiveImport) -> None:
        self._model, self._inside = model, opened.executor()
        self._outputs = [end.tensor for end in opened.imported.translation.outputs]
        self.versions = (f"torch {torch_module().__version__}, and {self._inside.versions} for the "
                         "tensors inside")

    def run(self, x: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
        found = self._inside.run(x, wanted)
        with inference(self._model):
            outputs = run_model(self._model, x)
        return {**found, **{name: array for name, array in zip(self._outputs, outputs, strict=True)
                            if name in found}}


def open_live(model: Module, network: Network,
              options: ImportOptions) -> tuple[Imported, Executor]:
    """Import a live model, and return what executes it.

    Parameters
    ----------
    model : torch.nn.Module
    network : Network
        Its input says which shapes of samples the model can have.
    options : ImportOptions

    Returns
    -------
    imported : Imported
    executor : Executor

    Raises
    ------
    ConfigError
        It is no model of torch, or it reads other samples than the network.
    """
    if not isinstance(model, torch_module().nn.Module):
        raise ConfigError(f"is a {type(model).__name__}, expected the path of an ONNX file or a "
                          "torch.nn.Module", where="model")
    framework = next(f for f in FRAMEWORKS if f.accepts(model))
    shape, layout = _accepted_shape(model, network)
    opened = framework.load(model, np.zeros(shape, dtype=np.float32), options, layout)
    return opened.imported, _LiveExecution(model, opened)


def _accepted_shape(model: Module, network: Network) -> tuple[tuple[int, ...], str | None]:
    """Find a shape of samples that the model runs on, and the layout that it implies."""
    reasons = []
    for shape, layout in _shapes(network.shape):
        try:
            with inference(model):
                run_model(model, np.zeros(shape, dtype=np.float32))
            return shape, layout
        except ModelError as error:
            reasons.append(error.message)
    raise ConfigError(f"the model runs on no sample of the network's shape {list(network.shape)}: "
                      f"{reasons[0]}", where="model",
                      hint="compare a network with the model that it was imported from")


def _shapes(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str | None]]:
    *axes, channels = shape
    if len(shape) > 1:
        yield (1, channels, *axes), "NCHW" if len(shape) == 3 else None
        yield (1, *shape), "NHWC" if len(shape) == 3 else None
    yield (1, int(np.prod(shape))), None
    side = round(channels ** 0.5)
    if len(shape) == 1 and side * side == channels:
        yield (1, 1, side, side), None
