"""Sliding window unit: a map arrives once and leaves as windows, tap by tap."""

from bnnhw.dataflow.units.sliding_window.component import WindowBuffer
from bnnhw.dataflow.units.sliding_window.params import (
    WindowParams,
    pad_words,
    upsample_params,
    window_params,
)

__all__ = ["WindowBuffer", "WindowParams", "pad_words", "upsample_params", "window_params"]
