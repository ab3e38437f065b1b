"""``streaming``: one folded MVTU a layer, joined by streams (FINN, FPGA'17, and its followers)."""

from bnnhw.arch.streaming.planning import load_plan, plan
from bnnhw.arch.streaming.top import elaborate

__all__ = ["elaborate", "load_plan", "plan"]
