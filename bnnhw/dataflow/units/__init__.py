"""The hardware units of streaming designs, one file or folder for each kind.

A new kind is a file with a frozen ``Params`` class under ``@register_unit``, and an import here.
Costs come from synthesis: ``bench/unit_costs.py`` measures and ``bench/costs.py`` fits them.
"""

from bnnhw.dataflow.params import UNITS, BufferParams, LabelParams, Params
from bnnhw.dataflow.units.affine import AffineParams
from bnnhw.dataflow.units.argmax import ArgMaxParams
from bnnhw.dataflow.units.axi import InputParams, OutputParams
from bnnhw.dataflow.units.converter import ConverterParams
from bnnhw.dataflow.units.crop import CropParams
from bnnhw.dataflow.units.divide import DivideParams
from bnnhw.dataflow.units.fifo import FifoParams
from bnnhw.dataflow.units.fork import ForkParams
from bnnhw.dataflow.units.join import AddParams, ConcatParams
from bnnhw.dataflow.units.line_window import LineWindowParams
from bnnhw.dataflow.units.multiply import MultiplyParams
from bnnhw.dataflow.units.mvtu import MvtuParams
from bnnhw.dataflow.units.pool import PoolParams
from bnnhw.dataflow.units.prelu import PReluParams
from bnnhw.dataflow.units.select import SelectParams
from bnnhw.dataflow.units.sequence import SequenceParams
from bnnhw.dataflow.units.sliding_window import WindowParams
from bnnhw.dataflow.units.threshold import AffineThresholdParams, SearchParams, ThresholdParams

__all__ = ["UNITS", "AddParams", "AffineParams", "AffineThresholdParams", "ArgMaxParams",
           "BufferParams", "ConcatParams", "ConverterParams", "CropParams", "DivideParams",
           "FifoParams", "ForkParams", "InputParams", "LabelParams", "LineWindowParams",
           "MultiplyParams", "MvtuParams", "OutputParams", "PReluParams", "Params", "PoolParams",
           "SearchParams", "SelectParams", "SequenceParams", "ThresholdParams", "WindowParams"]
