"""The network as integers: tensor types, layers, and the Graph, which is the golden model."""

from bnnhw.ir.graph import Graph
from bnnhw.ir.types import Bits, Element, Int, TensorType
from bnnhw.ir.window import Window

__all__ = ["Bits", "Element", "Graph", "Int", "TensorType", "Window"]
