"""Width converter: words of A lanes to words of B lanes, frame by frame."""

from bnnhw.dataflow.units.converter.component import WidthConverter
from bnnhw.dataflow.units.converter.params import ConverterParams
from bnnhw.dataflow.units.converter.token_model import ConverterBlock

__all__ = ["ConverterBlock", "ConverterParams", "WidthConverter"]
