"""Finds the builder of a Keras layer by its class, and collects the operations that it adds.

A new layer is a builder with ``@keras_layer("ClassName")``, in one of the modules in ``BUILT_IN``.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.keras.model_config import Call
from bnnhw.importers.keras.ops.base import Op, Shape
from bnnhw.importers.keras.ops.elementwise import Activation, Softmax
from bnnhw.importers.keras.ops.maps import Identity
from bnnhw.importers.keras.options import Options
from bnnhw.importers.keras.quantisers.base import Kernel, Quantiser
from bnnhw.importers.keras.quantisers.functions import FUNCTIONS
from bnnhw.importers.keras.quantisers.registry import find_function, find_quantiser, is_softmax
from bnnhw.importers.keras.weights import Weights
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["LayerOps", "build_layer", "keras_layer"]

BUILT_IN = tuple(f"bnnhw.importers.keras.layers.{name}" for name in (
    "activations", "moves", "normalisation", "pools", "products"))

_BUILDERS: dict[str, Callable[[LayerOps], None]] = {}

REJECTED = {
    "Lambda": ("contains Python code, which is never executed",
               "replace it with layers of Keras, Larq or QKeras"),
    "QConv2DBatchnorm": ("folds a batch normalisation into weights that are quantised after it, "
                         "which is not supported",
                         "train with QConv2D followed by BatchNormalization"),
    "QDepthwiseConv2DBatchnorm": ("folds a batch normalisation into weights that are quantised "
                                  "after it, which is not supported",
                                  "train with QDepthwiseConv2D followed by BatchNormalization"),
}


@dataclass
class LayerOps:
    """The operations of one layer while they are collected.

    Attributes
    ----------
    call : Call
    weights : Weights
    keras_2 : bool
        Whether Keras 2 saved the model, whose batch normalisation of maps is fused.
    sources : tuple of str
        Tensors that the next operation reads.
    shapes : tuple of Shape
        Their shapes.
    ops : list of Op
    """

    call: Call
    weights: Weights
    keras_2: bool
    sources: tuple[str, ...]
    shapes: tuple[Shape, ...]
    ops: list[Op] = field(default_factory=list)

    @property
    def options(self) -> Options:
        return self.call.layer.options

    @property
    def where(self) -> str:
        return self.options.where

    @property
    def shape(self) -> Shape:
        """Shape of the only source."""
        if len(self.shapes) != 1:
            raise self.options.error(f"reads {len(self.shapes)} tensors, expected one")
        return self.shapes[0]

    def add(self, kind: type[Op], **parameters: object) -> None:
        """Append an operation, which reads the result of the previous one."""
        name = f"{self.call.tensor}/{len(self.ops)}"
        op = kind(name, self.sources, self.call.layer.name, self.where, **parameters)
        shape = op.out_shape(*self.shapes)
        if math.prod(shape) > MAX_ELEMENTS or min(shape, default=0) < 1:
            raise self.options.error(f"has the output shape {list(shape)}, expected 1 to "
                                     f"{MAX_ELEMENTS} elements")
        self.ops.append(op)
        self.sources, self.shapes = (name,), (shape,)

    def add_activation(self, value: object) -> None:
        """Append an activation function, unless it is the identity."""
        if is_softmax(value, self.where):
            self.add(Softmax)
            return
        function = find_function(value, self.where)
        if function is not FUNCTIONS["linear"]:
            self.add(Activation, function=function)

    def load(self, *names: str) -> dict[str, np.ndarray]:
        """Read the weights of the layer."""
        return self.weights.of(self.call.layer, names)

    def quantised(self, key: str, values: np.ndarray, kernel: bool = True) -> Kernel:
        """Quantise weights with the quantiser that the option ``key`` names."""
        quantiser = find_quantiser(self.options.values.get(key), self.where)
        if quantiser is None:
            return Kernel(values, values)
        try:
            return _apply(quantiser.for_kernels() if kernel else quantiser, values)
        except ModelError as error:
            raise self.options.error(error.message, error.hint) from None

    def finished(self) -> tuple[list[Op], Shape]:
        """Return the operations, whose last one computes the tensor of the call, and its shape."""
        if not self.ops:
            self.add(Identity)
        return [*self.ops[:-1], replace(self.ops[-1], name=self.call.tensor)], self.shape


def _apply(quantiser: Quantiser, values: np.ndarray) -> Kernel:
    with np.errstate(all="ignore"):
        kernel = quantiser.kernel(values)
    if not np.isfinite(kernel.seen).all():
        raise quantiser.error("computes infinity or NaN from the weights")
    return kernel


def keras_layer(*names: str) -> Callable[[Callable[[LayerOps], None]],
                                         Callable[[LayerOps], None]]:
    """Register a builder for the Keras classes of these names."""
    def register(builder: Callable[[LayerOps], None]) -> Callable[[LayerOps], None]:
        _BUILDERS.update(dict.fromkeys(names, builder))
        return builder
    return register


def build_layer(call: Call, shapes: Sequence[Shape], weights: Weights,
                keras_2: bool) -> tuple[list[Op], Shape]:
    """Return the operations of one call of a layer, and the shape of its result.

    Raises
    ------
    ModelError
        The layer, or one of its options, is not supported.
    """
    for module in BUILT_IN:
        importlib.import_module(module)
    layer = call.layer
    if layer.class_name in REJECTED:
        message, hint = REJECTED[layer.class_name]
        raise layer.options.error(message, hint)
    builder = _BUILDERS.get(layer.class_name)
    if builder is None:
        raise layer.options.error(f"has the class '{layer.class_name}', which is not supported, "
                                  f"expected one of {', '.join(sorted(_BUILDERS))}")
    _check_type(layer.options)
    ops = LayerOps(call, weights, keras_2, call.sources, tuple(shapes))
    builder(ops)
    return ops.finished()


def _check_type(options: Options) -> None:
    """Reject layers that compute in another type than float32."""
    dtype = options.values.get("dtype")
    if isinstance(dtype, dict):
        config = dtype.get("config")
        dtype = config.get("name") if isinstance(config, dict) else None
    if dtype not in (None, "float32"):
        raise options.error(f"computes in {str(dtype)[:40]}, expected float32",
                            "train and save the model in float32")
