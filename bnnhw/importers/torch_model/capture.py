"""Captures the graph of a live model with torch.export, and converts it to ONNX in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bnnhw.errors import ModelError
from bnnhw.importers.torch_model.data_assignment import DataAssignments
from bnnhw.importers.torch_model.inference import inference
from bnnhw.importers.torch_model.node_names import name_nodes, resolve_casts
from bnnhw.importers.torch_model.packages import require, torch_module
from bnnhw.importers.torch_model.quiet import quiet
from bnnhw.importers.torch_model.straight_through import remove_straight_through

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import Tensor
    from torch.nn import Module

__all__ = ["capture"]

Result = TypeVar("Result")


def capture(model: Module, sample: Tensor) -> tuple[ModelProto, int]:
    """Convert a live model to ONNX.

    Parameters
    ----------
    model : Module
    sample : Tensor [1, ...]
        As the model reads it, on its device.

    Returns
    -------
    model : ModelProto
        Its nodes are named by the paths of the modules that they come from.
    removed : int
        Number of straight-through expressions of which only the forward value was kept.

    Raises
    ------
    ModelError
        torch cannot export the model.
    ToolError
        torch or onnxscript is not installed.
    """
    require("onnxscript", "onnx")
    from onnx.inliner import inline_local_functions

    torch = torch_module()
    with inference(model), DataAssignments():
        program = _attempt("torch.export", lambda: torch.export.export(
            model, (sample,), strict=False).run_decompositions({}))
    removed = remove_straight_through(program)
    with inference(model), quiet():
        converted = _attempt("torch.onnx", lambda: torch.onnx.export(
            program, dynamo=True, optimize=False, verbose=False))
    proto = inline_local_functions(converted.model_proto)
    resolve_casts(proto)
    name_nodes(proto)
    return proto, removed


def _attempt(tool: str, function: Callable[[], Result]) -> Result:
    try:
        return function()
    except ModelError:
        raise
    except Exception as error:  # torch raises exceptions of many types
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = lines[0].strip() if lines else type(error).__name__
        raise ModelError(f"cannot be exported by {tool}: {reason}", where="model",
                         hint="no Python condition in its forward may depend on the values of a "
                         "tensor; or export it to ONNX in another way and import the file"
                         ) from error
