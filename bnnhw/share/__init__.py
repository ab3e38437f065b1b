"""Sharing the work of constant matrices: a pass whose result is data."""

from bnnhw.share.extract import extract
from bnnhw.share.graph import Node, SharedMatrix
from bnnhw.share.realise import Terms, realise

__all__ = ["Node", "SharedMatrix", "Terms", "extract", "realise"]
