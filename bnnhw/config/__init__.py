"""layers.yaml and weights.npz: what a user writes, checked before anything is built."""

from bnnhw.config.arrays import WeightFile
from bnnhw.config.items import AffineItem, ArgMaxItem, DenseItem
from bnnhw.config.read import read_config
from bnnhw.config.schema import InputItem, NetConfig

__all__ = ["AffineItem", "ArgMaxItem", "DenseItem", "InputItem", "NetConfig", "WeightFile",
           "read_config"]
