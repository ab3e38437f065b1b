"""Common-subexpression elimination for products with constant matrices of -1, 0 and +1."""

from bnnhw.logic.cse.adder_graph import AdderGraph, Node
from bnnhw.logic.cse.extract import extract
from bnnhw.logic.cse.lowering import Terms, lower_rows, scores, thresholds
from bnnhw.logic.cse.search import CseOptions, build_graph

__all__ = [
           "AdderGraph",
           "CseOptions",
           "Node",
           "Terms",
           "build_graph",
           "extract",
           "lower_rows",
           "scores",
           "thresholds",
]
