"""The network as integers: tensor types, the interface of layers, and the Graph they form."""

from bnnhw.ir.graph import Graph
from bnnhw.ir.spread import Spread
from bnnhw.ir.types import Bits, Element, Int, TensorType
from bnnhw.ir.window import Window

__all__ = ["Bits", "Element", "Graph", "Int", "Spread", "TensorType", "Window"]
