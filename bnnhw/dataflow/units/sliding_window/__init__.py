"""Sliding window unit (SWU): reads each pixel of a map once, and emits windows tap by tap."""

from bnnhw.dataflow.units.sliding_window.component import WindowBuffer
from bnnhw.dataflow.units.sliding_window.params import (
    Pad,
    WindowParams,
    depth_to_space_params,
    pad_words,
    upsample_params,
    window_params,
)

__all__ = ["Pad", "WindowBuffer", "WindowParams", "depth_to_space_params", "pad_words",
           "upsample_params", "window_params"]
