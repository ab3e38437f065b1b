"""Line window unit: a map arrives once and leaves as windows, all taps in one word."""

from bnnhw.dataflow.units.line_window.component import LineWindow
from bnnhw.dataflow.units.line_window.params import LineWindowParams, line_window_params

__all__ = ["LineWindow", "LineWindowParams", "line_window_params"]
