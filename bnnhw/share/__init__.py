"""Sharing the work of constant matrices: a pass whose result is data."""

from bnnhw.share.extract import extract
from bnnhw.share.graph import Node, SharedMatrix
from bnnhw.share.realise import Terms, realise, scores, thresholds

__all__ = ["Node", "SharedMatrix", "Terms", "extract", "realise", "scores",
           "thresholds"]
