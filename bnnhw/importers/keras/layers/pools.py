"""Pools of Keras."""

from __future__ import annotations

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.geometry import Geometry
from bnnhw.importers.keras.ops.maps import AveragePool, GlobalPool, MaxPool

__all__: list[str] = []


@keras_layer("MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D")
def pool(layer: LayerOps) -> None:
    """Build a pool over windows."""
    options = layer.options
    size = options.pair("pool_size", (2, 2))
    geometry = Geometry(size, options.pair("strides", size), same=options.choice(
        "padding", "valid", ("valid", "same")) == "same", channels_last=options.channels_last())
    layer.add(MaxPool if layer.call.layer.class_name.startswith("Max") else AveragePool,
              geometry=geometry)


@keras_layer("GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPooling2D", "GlobalMaxPool2D")
def global_pool(layer: LayerOps) -> None:
    """Build a pool over all rows and columns."""
    layer.add(GlobalPool, channels_last=layer.options.channels_last(),
              keep=layer.options.flag("keepdims", False),
              largest="Max" in layer.call.layer.class_name)
