"""Sharing the work of constant matrices: a pass whose result is data."""

from bnnhw.logic.cse.extract import extract
from bnnhw.logic.cse.graph import Node, SharedMatrix
from bnnhw.logic.cse.realise import Terms, realise, scores, thresholds
from bnnhw.logic.cse.search import Sharing, share_with

__all__ = ["Node", "SharedMatrix", "Sharing", "Terms", "extract", "realise", "scores",
           "share_with", "thresholds"]
