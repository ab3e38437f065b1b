"""Pools of Keras."""

from __future__ import annotations

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.geometry import Geometry
from bnnhw.importers.keras.ops.maps import AveragePool, GlobalPool, MaxPool

__all__: list[str] = []


@keras_layer("MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D", "MaxPooling1D",
             "MaxPool1D", "AveragePooling1D", "AvgPool1D")
def pool(layer: LayerOps) -> None:
    """Build a pool over windows of a map or a signal."""
    options, kind = layer.options, layer.call.layer.class_name
    signal = kind.endswith("1D")
    read = options.one if signal else options.pair
    size = read("pool_size", (2, 1 if signal else 2))
    geometry = Geometry(size, read("strides", size), same=options.choice(
        "padding", "valid", ("valid", "same")) == "same", channels_last=options.channels_last(),
        signal=signal)
    layer.add(MaxPool if kind.startswith("Max") else AveragePool, geometry=geometry)


@keras_layer("GlobalAveragePooling2D", "GlobalAvgPool2D", "GlobalMaxPooling2D", "GlobalMaxPool2D",
             "GlobalAveragePooling1D", "GlobalAvgPool1D", "GlobalMaxPooling1D", "GlobalMaxPool1D")
def global_pool(layer: LayerOps) -> None:
    """Build a pool over all rows and columns."""
    kind = layer.call.layer.class_name
    layer.add(GlobalPool, geometry=Geometry((1, 1), (1, 1), signal=kind.endswith("1D"),
                                            channels_last=layer.options.channels_last()),
              keep=layer.options.flag("keepdims", False), largest="Max" in kind)
