"""The layer kinds, one file each; importing this package registers all of them.

A new kind is a file with a class under ``@register``, and one line here.
"""

from bnnhw.ir.layer import Counter, Join, Layer
from bnnhw.layers.add import Add
from bnnhw.layers.affine import Affine
from bnnhw.layers.argmax import ArgMax
from bnnhw.layers.average_pool import AveragePool
from bnnhw.layers.binarize import Binarize
from bnnhw.layers.concat import Concat
from bnnhw.layers.conv import Conv
from bnnhw.layers.conv_transpose import ConvTranspose
from bnnhw.layers.crop import Crop
from bnnhw.layers.dense import Dense
from bnnhw.layers.depth_to_space import DepthToSpace
from bnnhw.layers.divide import Divide
from bnnhw.layers.division import Division
from bnnhw.layers.flatten import Flatten
from bnnhw.layers.max_pool import MaxPool
from bnnhw.layers.multiply import Multiply
from bnnhw.layers.pixel_shuffle import PixelShuffle
from bnnhw.layers.pool import Pool
from bnnhw.layers.popcounts import product_sum
from bnnhw.layers.prelu import PRelu
from bnnhw.layers.product import Product
from bnnhw.layers.select import Select
from bnnhw.layers.space_to_depth import SpaceToDepth
from bnnhw.layers.sum_pool import SumPool
from bnnhw.layers.threshold import Threshold
from bnnhw.layers.upsample import Upsample

__all__ = ["Add", "Affine", "ArgMax", "AveragePool", "Binarize", "Concat", "Conv", "ConvTranspose",
           "Counter", "Crop", "Dense", "DepthToSpace", "Divide", "Division", "Flatten", "Join",
           "Layer", "MaxPool", "Multiply", "PRelu", "PixelShuffle", "Pool", "Product", "Select",
           "SpaceToDepth", "SumPool", "Threshold", "Upsample", "product_sum"]
