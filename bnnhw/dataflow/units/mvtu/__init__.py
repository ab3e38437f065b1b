"""MVTU: the matrix-vector-threshold unit, which computes a product layer folded by (PE, SIMD)."""

from bnnhw.dataflow.units.mvtu.component import Mvtu
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants, border_classes, start_values
from bnnhw.dataflow.units.mvtu.from_layer import Storage, mvtu_params
from bnnhw.dataflow.units.mvtu.params import MvtuParams

__all__ = ["Mvtu", "MvtuConstants", "MvtuParams", "Storage", "border_classes", "mvtu_params",
           "start_values"]
