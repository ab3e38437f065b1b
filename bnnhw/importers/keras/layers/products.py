"""Dense layers and convolutions of Keras, Larq and QKeras."""

from __future__ import annotations

import numpy as np

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.elementwise import Activation
from bnnhw.importers.keras.ops.geometry import Geometry
from bnnhw.importers.keras.ops.products import Bias, Conv, Dense, Depthwise
from bnnhw.importers.keras.quantisers.base import Kernel
from bnnhw.importers.keras.quantisers.registry import find_quantiser

__all__: list[str] = []


@keras_layer("Dense", "QuantDense", "QDense")
def dense(layer: LayerOps) -> None:
    """Build a dense layer, whose kernel is [in, out]."""
    kernel, bias = _load(layer, "kernel")
    _quantise_input(layer)
    layer.add(Dense, kernel=layer.quantised("kernel_quantizer", kernel))
    _finish(layer, bias, channels_last=True)


@keras_layer("Conv2D", "QuantConv2D", "QConv2D")
def convolution(layer: LayerOps) -> None:
    """Build a convolution, whose kernel is [rows, columns, in of a group, out]."""
    kernel, bias = _load(layer, "kernel")
    geometry = _geometry(layer)
    _quantise_input(layer)
    if kernel.ndim != 4:
        raise layer.options.error(f"has a kernel of shape {list(kernel.shape)}, expected 4 axes")
    groups, shape = layer.options.integer("groups", 1), layer.shape
    channels = shape[-1 if geometry.channels_last else 0] if shape else 0
    if kernel.shape[2] * groups != channels:
        raise layer.options.error(f"has a kernel of shape {list(kernel.shape)} in {groups} groups "
                                  f"for activations of shape {list(shape)}")
    layer.add(Conv, kernel=layer.quantised("kernel_quantizer", kernel), geometry=geometry,
              pad=_pad(layer, geometry))
    _finish(layer, bias, geometry.channels_last)


@keras_layer("Conv1D", "QuantConv1D", "QConv1D")
def signal_convolution(layer: LayerOps) -> None:
    """Build a convolution of signals, whose kernel is [taps, in of a group, out]."""
    kernel, bias = _load(layer, "kernel")
    options = layer.options
    padding = options.choice("padding", "valid", ("valid", "same", "causal"))
    geometry = Geometry(options.one("kernel_size", None), options.one("strides"),
                        options.one("dilation_rate"), padding == "same", options.channels_last(),
                        signal=True, causal=padding == "causal")
    _quantise_input(layer)
    if kernel.ndim != 3:
        raise options.error(f"has a kernel of shape {list(kernel.shape)}, expected 3 axes")
    made = layer.quantised("kernel_quantizer", kernel)
    layer.add(Conv, kernel=Kernel(made.seen[:, None], made.exact[:, None]), geometry=geometry,
              pad=_pad(layer, geometry))
    _finish(layer, bias, geometry.channels_last)


@keras_layer("DepthwiseConv2D", "QuantDepthwiseConv2D", "QDepthwiseConv2D")
def depthwise(layer: LayerOps) -> None:
    """Build a depthwise convolution, whose kernel is [rows, columns, in, multiplier]."""
    kernel, bias = _load(layer, "depthwise_kernel")
    geometry = _geometry(layer)
    _quantise_input(layer)
    if kernel.ndim != 4:
        raise layer.options.error(f"has a kernel of shape {list(kernel.shape)}, expected 4 axes")
    layer.add(Depthwise, kernel=layer.quantised("depthwise_quantizer", kernel), geometry=geometry,
              pad=_pad(layer, geometry))
    _finish(layer, bias, geometry.channels_last)


@keras_layer("SeparableConv2D", "QuantSeparableConv2D", "QSeparableConv2D")
def separable(layer: LayerOps) -> None:
    """Build a depthwise convolution that is followed by one with a kernel of 1 x 1."""
    use_bias = layer.options.flag("use_bias", True)
    arrays = layer.load("depthwise_kernel", "pointwise_kernel", *(["bias"] if use_bias else []))
    geometry = _geometry(layer)
    _quantise_input(layer)
    first, second = arrays["depthwise_kernel"], arrays["pointwise_kernel"]
    if first.ndim != 4 or second.ndim != 4:
        raise layer.options.error(f"has kernels of the shapes {list(first.shape)} and "
                                  f"{list(second.shape)}, expected 4 axes")
    layer.add(Depthwise, kernel=layer.quantised("depthwise_quantizer", first), geometry=geometry,
              pad=_pad(layer, geometry))
    point = Geometry((1, 1), (1, 1), channels_last=geometry.channels_last)
    layer.add(Conv, kernel=layer.quantised("pointwise_quantizer", second), geometry=point)
    _finish(layer, arrays.get("bias"), geometry.channels_last)


def _load(layer: LayerOps, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the kernel and the bias of a layer."""
    arrays = layer.load(name, *(["bias"] if layer.options.flag("use_bias", True) else []))
    return arrays[name], arrays.get("bias")


def _quantise_input(layer: LayerOps) -> None:
    """Append Larq's ``input_quantizer``."""
    quantiser = find_quantiser(layer.options.values.get("input_quantizer"), layer.where)
    if quantiser is not None:
        layer.add(Activation, function=quantiser)


def _geometry(layer: LayerOps) -> Geometry:
    options = layer.options
    return Geometry(options.pair("kernel_size", None), options.pair("strides"),
                    options.pair("dilation_rate"),
                    options.choice("padding", "valid", ("valid", "same")) == "same",
                    options.channels_last())


def _pad(layer: LayerOps, geometry: Geometry) -> float:
    """Return Larq's ``pad_values``, which are added after the input quantiser."""
    return layer.options.number("pad_values", 0.0) if geometry.same else 0.0


def _finish(layer: LayerOps, bias: np.ndarray | None, channels_last: bool) -> None:
    """Append the bias and the activation."""
    if bias is not None:
        if bias.ndim != 1:
            raise layer.options.error(f"has a bias of shape {list(bias.shape)}, expected one axis")
        layer.add(Bias, bias=layer.quantised("bias_quantizer", bias, kernel=False).seen,
                  channels_last=channels_last)
    layer.add_activation(layer.options.values.get("activation"))
