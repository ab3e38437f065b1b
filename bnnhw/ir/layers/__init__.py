"""One file a layer. A new layer is a new file and one entry in ``LAYERS``."""

from bnnhw.ir.layers.affine import Affine
from bnnhw.ir.layers.argmax import ArgMax
from bnnhw.ir.layers.base import Join, Layer
from bnnhw.ir.layers.binarize import Binarize
from bnnhw.ir.layers.conv import Conv
from bnnhw.ir.layers.dense import Dense
from bnnhw.ir.layers.join import Add, Concat
from bnnhw.ir.layers.pool import MaxPool, Pool, SumPool
from bnnhw.ir.layers.product import Counter, Product, product_sum
from bnnhw.ir.layers.shape import Flatten, Select, Upsample
from bnnhw.ir.layers.threshold import Threshold

__all__ = ["LAYERS", "Add", "Affine", "ArgMax", "Binarize", "Concat", "Conv", "Counter", "Dense",
           "Flatten", "Join", "Layer", "MaxPool", "Pool", "Product", "Select", "SumPool",
           "Threshold", "Upsample", "product_sum"]

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Add, Affine, ArgMax, Binarize, Concat, Conv, Dense, Flatten,
                                    MaxPool, Select, SumPool, Threshold, Upsample)
}
