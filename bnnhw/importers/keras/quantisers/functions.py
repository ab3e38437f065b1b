"""The activation functions of Keras, and Larq's ``hard_tanh``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.quantisers.base import Elementwise

__all__ = ["FUNCTIONS", "Function", "leaky_relu", "relu"]


@dataclass(frozen=True)
class Function(Elementwise):
    """An elementwise function that one ONNX operator computes.

    Parameters
    ----------
    evaluate : function
        Of a float32 array.
    operator : str
    constants : tuple of float
        Further inputs of the operator.
    attributes : dict of str to object
    """

    evaluate: Callable[[np.ndarray], np.ndarray]
    operator: str
    constants: tuple[float, ...] = ()
    attributes: dict[str, object] = field(default_factory=dict)

    def compute(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.evaluate(x), dtype=np.float32)

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        constants = [nodes.constant(value) for value in self.constants]
        nodes.add(self.operator, x, *constants, output=output,
                  attributes=self.attributes)


def relu(top: float | None = None) -> Function:
    """``relu``, clipped at ``top`` unless that is None."""
    if top is None:
        return Function(lambda x: np.maximum(x, np.float32(0)), "Relu")
    limit = np.float32(top)
    return Function(lambda x: np.clip(x, np.float32(0), limit), "Clip", (0.0, float(limit)))


def leaky_relu(slope: float) -> Function:
    """``x`` from 0 on, else ``slope * x``."""
    factor = np.float32(slope)
    return Function(lambda x: np.where(x >= 0, x, factor * x), "LeakyRelu",
                    attributes={"alpha": float(factor)})


FUNCTIONS = {
    "linear": Function(lambda x: x, "Identity"),
    "relu": relu(),
    "relu6": relu(6.0),
    "tanh": Function(np.tanh, "Tanh"),
    "sigmoid": Function(lambda x: np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * x)), "Sigmoid"),
    "hard_tanh": Function(lambda x: np.clip(x, np.float32(-1), np.float32(1)), "Clip", (-1.0, 1.0)),
    "softplus": Function(lambda x: np.logaddexp(x, np.float32(0)), "Softplus"),
    "softsign": Function(lambda x: x / (1 + np.abs(x)), "Softsign"),
    "elu": Function(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "Elu"),
}
"""Functions by their name in Keras. All but ``softmax``, which is no function of one element."""
