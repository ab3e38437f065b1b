"""Batch normalisation of Keras and QKeras."""

from __future__ import annotations

from bnnhw.importers.keras.layers.registry import LayerOps, keras_layer
from bnnhw.importers.keras.ops.elementwise import BatchNorm
from bnnhw.importers.keras.options import Options

__all__: list[str] = []

QUANTISERS = ("gamma", "beta", "mean", "variance")


@keras_layer("BatchNormalization", "QBatchNormalization")
def batch_norm(layer: LayerOps) -> None:
    """Build a batch normalisation; quantisers of QKeras are applied to its parameters."""
    options, plain = layer.options, layer.call.layer.class_name == "BatchNormalization"
    scale, center = options.flag("scale", True), options.flag("center", True)
    options.refuse("renorm", False)
    names = [*(["gamma"] if scale else []), *(["beta"] if center else []), "moving_mean",
             "moving_variance"]
    arrays = layer.load(*names)
    values = {key: arrays.get(key if key in arrays else f"moving_{key}") for key in QUANTISERS}
    if not plain:
        values = {key: None if value is None else layer.quantised(
            f"{key}_quantizer", value, kernel=False).seen for key, value in values.items()}
    axis = _axis(options, len(layer.shape))
    fused = plain and layer.keras_2 and len(layer.shape) == 3 and options.get("fused") is not False
    layer.add(BatchNorm, **values, epsilon=options.number("epsilon", 1e-3), axis=axis, fused=fused)


def _axis(options: Options, rank: int) -> int:
    """Return the axis of the channels without the batch, from 0."""
    value = options.get("axis", -1)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int) or isinstance(value, bool) or value == 0 or \
            not -rank <= value <= rank:
        raise options.error(f"has axis = {value!r}, expected one axis of {rank + 1}, not the batch")
    return value - 1 if value > 0 else rank + value
