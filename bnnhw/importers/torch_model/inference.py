"""Runs a live model for inference, without changing it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.torch_model.packages import torch_module

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

__all__ = ["device_of", "inference", "run_model"]


@contextmanager
def inference(model: Module) -> Iterator[None]:
    """Put a model into evaluation mode without gradients; restore its modes afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch_module().no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for module, training in modes:
            module.training = training


def device_of(model: Module) -> object:
    """Return the device of the model's first parameter or buffer, or the CPU."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return "cpu"


def run_model(model: Module, x: np.ndarray) -> list[np.ndarray]:
    """Run a model on one sample.

    Parameters
    ----------
    model : Module
        Within ``inference``.
    x : float32 [1, ...]

    Returns
    -------
    list of arrays
        The outputs in the order of the model.

    Raises
    ------
    ModelError
        The model raises an exception, or returns something else than tensors.
    """
    torch = torch_module()
    try:
        found = model(torch.tensor(x, device=device_of(model)))
    except Exception as error:  # a model can raise any exception
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"cannot run a sample of shape {list(x.shape)}: {reason}", where="model",
                         hint="give a sample as the model reads it, with the batch as its first "
                         "axis") from error
    return [tensor.detach().cpu().numpy() for tensor in _tensors(found)]


def _tensors(found: object) -> list[Tensor]:
    """Flatten the result of a model as exporters do."""
    if isinstance(found, torch_module().Tensor):
        return [found]
    if isinstance(found, Mapping):
        found = tuple(found.values())
    if isinstance(found, (list, tuple)):
        return [tensor for part in found for tensor in _tensors(part)]
    raise ModelError(f"returns a {type(found).__name__}, expected tensors", where="model")
