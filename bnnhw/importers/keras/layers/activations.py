"""Layers of activation functions and quantisers."""

from __future__ import annotations

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.elementwise import Activation, PRelu, ScaleShift, Softmax
from bnnhw.importers.keras.quantisers.functions import leaky_relu, relu
from bnnhw.importers.keras.quantisers.registry import find_quantiser

__all__: list[str] = []


@keras_layer("Activation", "QActivation")
def activation(layer: LayerOps) -> None:
    """Build the function or quantiser of the option ``activation``."""
    layer.add_activation(layer.options.values.get("activation"))


@keras_layer("SteSign", "ApproxSign", "SwishSign", "SteHeaviside", "SteTern", "DoReFa",
             "DoReFaQuantizer")
def larq_quantiser(layer: LayerOps) -> None:
    """Build a quantiser of Larq that is a layer of the model."""
    value = {"class_name": layer.call.layer.class_name, "config": {
        key: v for key, v in layer.options.values.items()
        if key not in ("built_shape", "batch_input_shape", "batch_shape")}}
    layer.add(Activation, function=find_quantiser(value, layer.where))


@keras_layer("ReLU")
def rectifier(layer: LayerOps) -> None:
    """Build a ReLU, which may be limited or leaky."""
    options = layer.options
    options.refuse("threshold", 0, 0.0)
    slope = options.number("negative_slope", 0.0)
    limit = options.values.get("max_value")
    if slope and limit is not None:
        raise options.error("has both negative_slope and max_value, which is not supported")
    layer.add(Activation, function=leaky_relu(slope) if slope else relu(
        None if limit is None else options.number("max_value")))


@keras_layer("LeakyReLU")
def leaky(layer: LayerOps) -> None:
    """Build a leaky ReLU; Keras 2 calls its slope ``alpha``."""
    key = "negative_slope" if "negative_slope" in layer.options.values else "alpha"
    layer.add(Activation, function=leaky_relu(layer.options.number(key, 0.3)))


@keras_layer("PReLU")
def parametric(layer: LayerOps) -> None:
    """Build a PReLU with trained slopes."""
    layer.add(PRelu, slope=layer.load("alpha")["alpha"])


@keras_layer("Softmax")
def softmax(layer: LayerOps) -> None:
    """Build a softmax of the last axis."""
    axis = layer.options.get("axis", -1)
    if axis not in (-1, len(layer.shape), [-1], [len(layer.shape)]):
        raise layer.options.error(f"has axis = {axis!r}, expected the last axis")
    layer.add(Softmax)


@keras_layer("Rescaling")
def rescaling(layer: LayerOps) -> None:
    """Build ``x * scale + offset``."""
    layer.add(ScaleShift, scale=layer.options.number("scale"),
              shift=layer.options.number("offset", 0.0))
