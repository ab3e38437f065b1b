"""Layers that move or join tensors, and those that do nothing after training."""

from __future__ import annotations

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.elementwise import Add, Concatenate, Multiply
from bnnhw.importers.keras.ops.maps import (
    Crop,
    Flatten,
    Identity,
    Permute,
    Reshape,
    Upsample,
    ZeroPadding,
)
from bnnhw.importers.keras.options import MAX_SIZE, Options

__all__: list[str] = []

ADDITIONS = ("__operators__.add", "math.add")
"""TensorFlow's functions that Keras 2 stores for ``x + y``."""


@keras_layer("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
             "ActivityRegularization")
def nothing(layer: LayerOps) -> None:
    """Build a layer that only works in training."""
    layer.add(Identity)


@keras_layer("Flatten")
def flatten(layer: LayerOps) -> None:
    """Build a vector of a map."""
    layer.add(Flatten, channels_last=layer.options.channels_last())


@keras_layer("Reshape")
def reshape(layer: LayerOps) -> None:
    """Build another shape of the same elements."""
    layer.add(Reshape, shape=_integers(layer.options, "target_shape", -1))


@keras_layer("Permute")
def permute(layer: LayerOps) -> None:
    """Build an exchange of axes, which Keras numbers from 1."""
    layer.add(Permute, order=tuple(a - 1 for a in _integers(layer.options, "dims", 1)))


@keras_layer("ZeroPadding2D")
def zero_padding(layer: LayerOps) -> None:
    """Build rows and columns of zeros."""
    layer.add(ZeroPadding, pads=_sides(layer.options, "padding", 1),
              channels_last=layer.options.channels_last())


@keras_layer("Cropping2D")
def cropping(layer: LayerOps) -> None:
    """Build a part of the rows and columns."""
    layer.add(Crop, pads=_sides(layer.options, "cropping", 0),
              channels_last=layer.options.channels_last())


def _sides(options: Options, key: str, default: int) -> tuple[tuple[int, ...], ...]:
    """Read the numbers of rows at the top and bottom, and of columns at the left and right."""
    value = options.get(key, default)
    sides = list(value) if isinstance(value, (list, tuple)) else [value, value]
    pairs = [tuple(s) if isinstance(s, (list, tuple)) else (s, s) for s in sides]
    if len(pairs) != 2 or any(len(p) != 2 or any(
            not isinstance(n, int) or not 0 <= n <= MAX_SIZE for n in p) for p in pairs):
        raise options.error(f"has {key} = {value!r}, expected numbers for rows and columns")
    return tuple(pairs)


@keras_layer("UpSampling2D")
def upsampling(layer: LayerOps) -> None:
    """Build a repetition of pixels."""
    layer.options.choice("interpolation", "nearest", ("nearest",))
    layer.add(Upsample, factors=layer.options.pair("size", (2, 2)),
              channels_last=layer.options.channels_last())


@keras_layer("Add")
def add(layer: LayerOps) -> None:
    """Build the sum of tensors."""
    layer.add(Add)


@keras_layer("Multiply")
def multiply(layer: LayerOps) -> None:
    """Build the product of two tensors."""
    layer.add(Multiply)


@keras_layer("Subtract")
def subtract(layer: LayerOps) -> None:
    """Build the difference of two tensors."""
    layer.add(Add, subtract=True)


@keras_layer("TFOpLambda")
def tensorflow_function(layer: LayerOps) -> None:
    """Build what Keras 2 stores for ``x + y``."""
    function = layer.options.get("function")
    if function not in ADDITIONS or len(layer.shapes) != 2:
        raise layer.options.error(f"calls TensorFlow's function '{str(function)[:80]}', expected "
                                  "the sum of two tensors", "use layers of Keras instead")
    layer.add(Add)


@keras_layer("Concatenate")
def concatenate(layer: LayerOps) -> None:
    """Build one tensor of several."""
    rank, value = len(layer.shapes[0]), layer.options.get("axis", -1)
    if not isinstance(value, int) or isinstance(value, bool) or value == 0 or \
            not -rank <= value <= rank:
        raise layer.options.error(f"has axis = {value!r}, expected one axis of {rank + 1}, not "
                                  "the batch")
    layer.add(Concatenate, axis=value - 1 if value > 0 else rank + value)


def _integers(options: Options, key: str, least: int) -> tuple[int, ...]:
    value = options.get(key)
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= 8 or any(
            not isinstance(n, int) or isinstance(n, bool) or not least <= n <= MAX_SIZE
            for n in value):
        raise options.error(f"has {key} = {value!r}, expected a list of integers")
    return tuple(value)
