"""Common-subexpression elimination for products with constant matrices of small integers."""

from bnnhw.logic.cse.adder_graph import AdderGraph, Node
from bnnhw.logic.cse.extract import extract
from bnnhw.logic.cse.lowering import Terms, lower_rows, scores, thresholds
from bnnhw.logic.cse.planes import PlaneSet, build_graph
from bnnhw.logic.cse.search import CseOptions

__all__ = [
           "AdderGraph",
           "CseOptions",
           "Node",
           "PlaneSet",
           "Terms",
           "build_graph",
           "extract",
           "lower_rows",
           "scores",
           "thresholds",
]
