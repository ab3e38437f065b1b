"""MVTU: the matrix-vector-threshold unit, which computes a product layer folded by (PE, SIMD)."""

from bnnhw.dataflow.units.mvtu.component import Mvtu
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants, border_classes, start_values
from bnnhw.dataflow.units.mvtu.from_layer import Storage, mvtu_params, sketch_mvtu
from bnnhw.dataflow.units.mvtu.params import MvtuParams
from bnnhw.dataflow.units.mvtu.planes import form_of, is_plain, row_tops

__all__ = ["Mvtu", "MvtuConstants", "MvtuParams", "Storage", "border_classes", "form_of",
           "is_plain", "mvtu_params", "row_tops", "sketch_mvtu", "start_values"]
