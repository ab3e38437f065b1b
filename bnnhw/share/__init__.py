"""Sharing the work of constant matrices: a pass whose result is data."""

from bnnhw.share.extract import extract
from bnnhw.share.graph import Node, SharedMatrix
from bnnhw.share.realise import Terms, realise, scores, thresholds
from bnnhw.share.search import Sharing, share_with

__all__ = ["Node", "SharedMatrix", "Sharing", "Terms", "extract", "realise", "scores",
           "share_with", "thresholds"]
