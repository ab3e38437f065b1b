"""One file a layer. A new layer is a new file and one entry in ``LAYERS``."""

from bnnhw.ir.layers.affine import Affine
from bnnhw.ir.layers.argmax import ArgMax
from bnnhw.ir.layers.base import Layer
from bnnhw.ir.layers.binarize import Binarize
from bnnhw.ir.layers.dense import Dense, product_sum

__all__ = ["LAYERS", "Affine", "ArgMax", "Binarize", "Dense", "Layer", "product_sum"]

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Affine, ArgMax, Binarize, Dense)
}
