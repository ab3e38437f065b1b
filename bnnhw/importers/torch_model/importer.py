"""``bnnhw.from_torch``: imports a live PyTorch model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bnnhw.errors import ConfigError
from bnnhw.importers.base import DEFAULT_CHECK, Check, ImportOptions
from bnnhw.importers.check_result import CheckResult
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.check import Executor, affordable_samples
from bnnhw.importers.onnx.imported import Imported
from bnnhw.importers.onnx.importer import import_onnx_model
from bnnhw.importers.onnx.node_graph import check_nodes
from bnnhw.importers.onnx.random_samples import random_samples
from bnnhw.importers.torch_model.capture import capture
from bnnhw.importers.torch_model.inference import device_of, inference, run_model
from bnnhw.importers.torch_model.live_check import check_live, stored_samples
from bnnhw.importers.torch_model.packages import torch_module

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

__all__ = ["LiveImport", "finish_live", "from_torch", "import_live", "live_options",
           "sample_array"]

NOTE = ("{} straight-through expressions such as (sign - x).detach() + x were replaced by their "
        "forward value, which floats reach except for rounding")


def from_torch(model: Module, sample: Tensor | ArrayLike, *, layout: str | None = None,
               name: str = "", input_type: str = "uint8",
               pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True,
               check: bool | Check = True) -> Network:
    """Import a live PyTorch model with binary weights and quantised activations.

    ``torch.export`` captures the model in evaluation mode, and the importer of ONNX translates it.
    The model is not changed. Layers are named by the paths of their modules.

    Parameters
    ----------
    model : torch.nn.Module
    sample : Tensor or array [n, ...]
        One or more samples in the shape that the model reads, batch first. Floats are what the
        model sees; integers are pixels (``pixel_range`` says what the model sees for them).
    layout : str or None
        Order of the axes of the model's input, ``NCHW`` or ``NHWC``. None finds it from the first
        layer that works on maps; a model without such a layer then reads vectors.
    name : str
        Name of the network; by default that of the model's class.
    input_type : str
        What a sample of the network is: ``uint8`` pixels, ``int8`` numbers, or ``bits``.
    pixel_range : (float, float)
        What the model sees for pixel 0 and pixel 255.
    argmax : bool
        Add an output ``label`` after a vector of scores.
    check : bool or Check
        Compare every tensor with onnxruntime, and the outputs with the model itself, on the
        samples and on random ones.

    Raises
    ------
    ModelError
        The model has no exact integer meaning, which names the module; or the network differs from
        the model.
    ConfigError
        An option or the sample is wrong.
    ToolError
        torch, onnxscript or a package of the check is not installed.

    Examples
    --------
    >>> net = bnnhw.from_torch(model, torch.zeros(1, 3, 32, 32))  # doctest: +SKIP
    """
    options = live_options(model, name, input_type, pixel_range, argmax, check)
    return finish_live(import_live(model, sample, options, layout), model, options)


@dataclass(frozen=True)
class LiveImport:
    """An import of a live model, before the comparisons.

    Attributes
    ----------
    imported : Imported
    executor : function
        Makes the executor of the exported model.
    samples : int64 [n, *shape]
        The given samples as the network stores them.
    inexact : bool
        The live model rounds values that float32 represents exactly.
    """

    imported: Imported
    executor: Callable[[], Executor]
    samples: np.ndarray
    inexact: bool = False


def finish_live(live: LiveImport, model: Module, options: ImportOptions) -> Network:
    """Compare an import with its export and with the live model, where that is wanted."""
    if options.check is None:
        return live.imported.network
    checked = check_nodes(live.imported, live.executor(), options.check)
    return check_against_model(replace(live, imported=checked), model, options.check)


def live_options(model: Module, name: str, input_type: str, pixel_range: tuple[float, float],
                 argmax: bool, check: bool | Check) -> ImportOptions:
    """Make the options of an import; the class of the model names the network by default."""
    chosen = check if isinstance(check, Check) else DEFAULT_CHECK if check else None
    options = ImportOptions(name, input_type, pixel_range, argmax, chosen)
    return replace(options, name=options.name_for(Path(type(model).__name__.lower())))


def import_live(model: Module, sample: Tensor | ArrayLike, options: ImportOptions,
                layout: str | None = None) -> LiveImport:
    """Import a live model, without the comparisons."""
    seen = sample_array(sample, options)
    proto, removed = capture(model, torch_module().tensor(seen[:1], device=device_of(model)))
    imported, executor = import_onnx_model(proto, options, layout)
    if removed:
        notes = (*imported.network.notes, NOTE.format(removed))
        imported = replace(imported, network=replace(imported.network, notes=notes))
    return LiveImport(imported, executor, stored_samples(imported.start, seen), removed > 0)


def sample_array(sample: Tensor | ArrayLike, options: ImportOptions) -> np.ndarray:
    """Return samples as float32 arrays that the model sees.

    Raises
    ------
    ConfigError
        They are no numbers, or have no batch axis.
    """
    detached = sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample
    array = np.asarray(detached)
    if array.dtype.kind not in "fiu" or array.ndim < 2 or not array.size:
        raise ConfigError(f"the sample has type {array.dtype} and shape {list(array.shape)}, "
                          "expected numbers [n, ...]", where="sample",
                          hint="give samples as the model reads them, such as "
                          "torch.zeros(1, 3, 32, 32)")
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    low, high = options.pixel_range
    if options.input_type == "bits":
        return np.where(array > 0, np.float32(1), np.float32(-1))
    if options.input_type == "int8":
        return np.asarray(array.astype(np.float32) / np.float32(127) * np.float32(high))
    return np.asarray(np.float32(low) + array.astype(np.float32) / np.float32(255)
                      * np.float32(high - low))


def check_against_model(live: LiveImport, model: Module, check: Check) -> Network:
    """Compare a network with the live model on given and on random samples.

    Returns
    -------
    Network
        With the result of the comparison.
    """
    network = live.imported.network
    graph = network.graph
    count = check.samples or affordable_samples(graph)
    x = np.concatenate([live.samples[:count], random_samples(graph.input, count, check.seed)])
    with inference(model):
        ties = check_live(live.imported, lambda one: run_model(model, one), x, live.inexact)
    assert network.check is not None
    before = CheckResult(**network.check)
    executor = f"{before.executor}, torch {torch_module().__version__} (the live model)"
    return replace(network, check=replace(before, executor=executor,
                                          ties=max(before.ties, ties)).to_json())
