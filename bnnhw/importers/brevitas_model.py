"""``bnnhw.from_brevitas``: imports a live Brevitas model through its QONNX export."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx_model
from bnnhw.importers.onnx.model_file import load_onnx
from bnnhw.importers.torch_model.importer import (
    LiveImport,
    finish_live,
    live_options,
    sample_array,
)
from bnnhw.importers.torch_model.inference import device_of, inference
from bnnhw.importers.torch_model.live_check import stored_samples
from bnnhw.importers.torch_model.node_names import name_nodes
from bnnhw.importers.torch_model.packages import require, torch_module
from bnnhw.importers.torch_model.quiet import quiet

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor
    from torch.nn import Module

__all__ = ["from_brevitas", "import_brevitas", "is_brevitas"]

INNER = frozenset({"act_quant", "bias_quant", "export_handler", "input_quant", "output_quant",
                   "weight_quant"})
"""Modules inside of a layer of Brevitas, which do not name the nodes that they export."""


def from_brevitas(model: Module, sample: Tensor | ArrayLike, *, layout: str | None = None,
                  name: str = "", input_type: str = "uint8",
                  pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True,
                  check: bool | Check = True) -> Network:
    """Import a live Brevitas model.

    Brevitas exports the model as QONNX into a temporary folder, and the importer of QONNX
    translates it. The comparison runs the package qonnx, onnxruntime, and the model itself.

    Parameters
    ----------
    model : torch.nn.Module
    sample : Tensor or array [n, ...]
        One or more samples in the shape that the model reads, see ``from_torch``.
    layout, name, input_type, pixel_range, argmax, check
        See ``from_torch``.

    Raises
    ------
    ModelError
        The model has no exact integer meaning; or the network differs from the model.
    ConfigError
        An option or the sample is wrong.
    ToolError
        torch, Brevitas or a package of the check is not installed.

    Examples
    --------
    >>> net = bnnhw.from_brevitas(model, torch.zeros(1, 3, 32, 32))  # doctest: +SKIP
    """
    options = live_options(model, name, input_type, pixel_range, argmax, check)
    return finish_live(import_brevitas(model, sample, options, layout), model, options)


def is_brevitas(model: Module) -> bool:
    """Whether a model contains modules of Brevitas."""
    return any(type(module).__module__.partition(".")[0] == "brevitas"
               for module in model.modules())


def import_brevitas(model: Module, sample: Tensor | ArrayLike, options: ImportOptions,
                    layout: str | None = None) -> LiveImport:
    """Import a Brevitas model, without the comparisons."""
    seen = sample_array(sample, options)
    imported, executor = import_onnx_model(_export(model, seen[:1]), options, layout)
    return LiveImport(imported, executor, stored_samples(imported.start, seen))


def _export(model: Module, seen: np.ndarray) -> ModelProto:
    require("torch", "brevitas", "onnxoptimizer", extra="brevitas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Brevitas imports its deprecated modules
        from brevitas.export import export_qonnx

    first = torch_module().tensor(seen, device=device_of(model))
    with tempfile.TemporaryDirectory() as folder, inference(model), quiet():
        path = Path(folder) / "model.onnx"
        try:
            export_qonnx(model, args=first, export_path=str(path))
        except Exception as error:  # Brevitas and torch raise exceptions of many types
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ModelError("cannot be exported by Brevitas: "
                             f"{lines[0] if lines else type(error).__name__}", where="model",
                             hint="export it with brevitas.export.export_qonnx, and import the "
                             "file") from error
        proto = load_onnx(path)
    name_nodes(proto, INNER)
    return proto


