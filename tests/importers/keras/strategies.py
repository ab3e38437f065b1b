"""Draws Keras models of Larq's and QKeras' layers, for property tests."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.importers.keras.files import Layer, layer, norm

__all__ = ["Model", "models"]

LARQ_KERNELS = ["ste_sign", "magnitude_aware_sign", "ste_tern",
                {"class_name": "DoReFa", "config": {"k_bit": 2, "mode": "weights"}},
                {"class_name": "SteTern", "config": {"ternary_weight_networks": True}}]
QKERAS_KERNELS = ["binary(alpha=1.0)", "binary", "binary(alpha='auto')", "ternary(alpha=1.0)",
                  "ternary", "quantized_bits(2,0,1)", "quantized_bits(4,0,1,alpha='auto_po2')",
                  "quantized_bits(3,0,alpha=1.0)", "quantized_bits(1,0,1,alpha=0.5)"]
LARQ_INPUTS = ["ste_sign", "approx_sign", "ste_heaviside",
               {"class_name": "SteTern", "config": {"threshold_value": 0.4}},
               {"class_name": "DoReFa", "config": {"k_bit": 2}}]
ACTIVATIONS = ["binary(alpha=1.0)", "binary", "ternary(alpha=1.0)", "quantized_relu(1)",
               "quantized_relu(2,1)", "quantized_relu(3,2)", "quantized_bits(2,1,1)",
               "quantized_bits(3,2)", "quantized_tanh(3)"]
BIASES = [None, "quantized_bits(6,2,1)", "quantized_bits(4,1,alpha=1.0)"]


@dataclass
class Model:
    """A model while its layers are drawn.

    Attributes
    ----------
    input_shape, shape : tuple of int
        Of the input, and of the last layer's result.
    layers : list of Layer
    seed : int
        Of the weights.
    """

    input_shape: tuple[int, ...]
    shape: tuple[int, ...]
    seed: int
    layers: list[Layer] = field(default_factory=list)

    def normal(self, *shape: int) -> np.ndarray:
        self.seed += 1
        return np.random.default_rng(self.seed).normal(0, 0.5, shape).astype(np.float32)

    def add_norm(self, draw: Any) -> None:
        options = draw(st.sampled_from([{}, {"scale": False}, {"center": False},
                                        {"epsilon": 0.01}]))
        self.seed += 1
        self.layers.append(norm(self.shape[-1], self.seed, **options))

    def add_product(self, draw: Any, larq: bool, first: bool, units: int) -> None:
        prefix = "Quant" if larq else "Q"
        kernel = draw(st.sampled_from(LARQ_KERNELS if larq else QKERAS_KERNELS))
        options: dict[str, Any] = {"use_bias": draw(st.booleans())}
        if larq and not first:
            options["input_quantizer"] = draw(st.sampled_from(LARQ_INPUTS))
        if not larq:
            options["bias_quantizer"] = draw(st.sampled_from(BIASES))
        if len(self.shape) == 1:
            kind, key, shape = "Dense", "kernel", (self.shape[0], units)
            self.shape = (units,)
        else:
            kind, key, shape = self._window(draw, options, units, first)
        quantiser = "depthwise_quantizer" if key == "depthwise_kernel" else "kernel_quantizer"
        bias = {"bias": self.normal(self.shape[-1])} if options["use_bias"] else {}
        self.layers.append(layer(f"{prefix}{kind}", {quantiser: kernel, **options},
                                 **{key: self.normal(*shape)}, **bias))

    def _window(self, draw: Any, options: dict[str, Any], units: int,
                first: bool) -> tuple[str, str, tuple[int, ...]]:
        height, width, channels = self.shape
        size = [draw(st.integers(1, min(3, n))) for n in (height, width)]
        depthwise = draw(st.integers(0, 3)) == 0 and not first
        strides = [draw(st.integers(1, 2)) for _ in range(2)]
        if depthwise:  # TensorFlow supports equal strides only
            strides[1] = strides[0]
        same = draw(st.booleans())
        options.update(kernel_size=size, strides=strides, padding="same" if same else "valid")
        if same and not first and options.get("input_quantizer") in ("ste_sign", "approx_sign"):
            options["pad_values"] = draw(st.sampled_from([0.0, 1.0, -1.0]))
        rows, columns = (-(-n // s) if same else (n - k) // s + 1
                         for n, k, s in zip((height, width), size, strides, strict=True))
        if depthwise:
            self.shape = (rows, columns, channels)
            return "DepthwiseConv2D", "depthwise_kernel", (*size, channels, 1)
        self.shape = (rows, columns, units)
        return "Conv2D", "kernel", (*size, channels, units)

    def add_pool(self, draw: Any) -> None:
        height, width, channels = self.shape
        size = [draw(st.integers(1, min(2, n))) for n in (height, width)]
        kind = draw(st.sampled_from(["MaxPooling2D", "AveragePooling2D"]))
        self.layers.append(layer(kind, {"pool_size": size}))
        self.shape = (height // size[0], width // size[1], channels)


@st.composite
def models(draw: Any) -> Model:
    """Draw a sequential model of two to four products."""
    larq = draw(st.booleans())
    maps = draw(st.booleans())
    sizes = [st.integers(4, 7), st.integers(4, 7), st.integers(1, 2)] if maps else [
        st.integers(4, 12)]
    shape = tuple(draw(size) for size in sizes)
    model = Model(shape, shape, 1000 * draw(st.integers(0, 50)))
    for k in range(draw(st.integers(1, 3))):
        model.add_product(draw, larq, k == 0, draw(st.integers(2, 5)))
        pool_first = draw(st.booleans())
        pools = len(model.shape) == 3 and draw(st.booleans())
        if pools and pool_first:
            model.add_pool(draw)
        if draw(st.integers(0, 4)):
            model.add_norm(draw)
        if pools and not pool_first:
            model.add_pool(draw)
        if not larq:
            model.layers.append(layer("QActivation", {
                "activation": draw(st.sampled_from(ACTIVATIONS))}))
    if len(model.shape) == 3:
        model.layers.append(layer("Flatten"))
        model.shape = (math.prod(model.shape),)
    model.add_product(draw, larq, False, 4)
    if draw(st.booleans()):
        model.add_norm(draw)
    return model
