"""Pad nodes, which the convolution behind them carries out."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.onnx_chain import Chain
from bnnhw.frontend.onnx_dense import Padded
from bnnhw.frontend.onnx_file import node_label
from bnnhw.frontend.onnx_ops import attributes

__all__ = ["padded"]


def padded(node: Any, chain: Chain | Padded, inputs: list[Any]) -> Chain | Padded:
    """Read a Pad node of mode constant, over rows and columns."""
    label, options = node_label(node), attributes(node)
    assert isinstance(chain, Chain)
    mode = options.get("mode", "constant")
    if mode != "constant":
        raise ModelError(f"has mode {mode}, expected constant", where=label)
    rank = len(chain.shape)
    given = inputs[1] if len(inputs) > 1 else options.get("pads")
    value = inputs[2] if len(inputs) > 2 else options.get("value", 0.0)
    value = 0.0 if value is None else value
    axes = inputs[3] if len(inputs) > 3 else None
    if given is None or any(isinstance(v, Chain) for v in (given, value, axes)):
        raise ModelError("expected constant pads and a constant value", where=label)
    numbers = [int(p) for p in np.ravel(given)]
    named = [int(a) % rank for a in np.ravel(axes)] if axes is not None else list(range(rank))
    if len(numbers) != 2 * len(named) or np.size(value) != 1 or min(numbers, default=0) < 0:
        raise ModelError(f"has pads {numbers} for {len(named)} axes, expected two for each, none "
                         "negative, and one value", where=label)
    starts, ends = [0] * rank, [0] * rank
    for k, axis in enumerate(named):
        starts[axis], ends[axis] = numbers[k], numbers[len(named) + k]
    if not any(starts) and not any(ends):
        return chain
    if any(starts[:2]) or any(ends[:2]):
        raise ModelError("pads the batch or the channels, expected rows and columns", where=label,
                         hint="export the model with its channels first")
    return Padded(chain, (*starts[2:], *ends[2:]), float(np.ravel(value)[0]))
