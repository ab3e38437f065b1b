"""Line window unit: reads each pixel of a map once, and emits all taps of a window in one word."""

from bnnhw.dataflow.units.line_window.component import LineWindow
from bnnhw.dataflow.units.line_window.params import LineWindowParams, line_window_params

__all__ = ["LineWindow", "LineWindowParams", "line_window_params"]
