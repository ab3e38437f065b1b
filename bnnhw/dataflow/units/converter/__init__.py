"""Width converter: repacks words of A elements into words of B elements, frame by frame."""

from bnnhw.dataflow.units.converter.component import WidthConverter
from bnnhw.dataflow.units.converter.params import ConverterParams, converter_features
from bnnhw.dataflow.units.converter.token_model import ConverterBlock

__all__ = ["ConverterBlock", "ConverterParams", "WidthConverter", "converter_features"]
