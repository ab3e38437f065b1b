"""The layers that an import has made so far, under names that are legal and their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bnnhw.config.names import check_name
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.scores import IntegerScores
from bnnhw.ir import TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import Layer

__all__ = ["LayerList", "free_name"]

LONGEST = 28


@dataclass
class LayerList:
    """LayerList in topological order, and what was proven about them.

    Attributes
    ----------
    opset : int
        Version of the model's default operator set.
    layers, certificates : list
    scores : list of IntegerScores
        One for each output of scores.
    known : dict
        Chains that were made already, by what they were made of.
    notes : list of str
        What the user has to know of the import, a sentence each.
    """

    opset: int
    layers: list[Layer] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    scores: list[IntegerScores] = field(default_factory=list)
    known: dict[tuple[Any, ...], Chain] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> TensorType:
        """Append a layer and return what it gives."""
        self.layers.append(layer)
        return layer.out_type()

    def name(self, wanted: str, otherwise: str) -> str:
        """Make a legal name that no layer has, close to the one that is wanted."""
        name = re.sub(r"[^A-Za-z0-9]+", "_", wanted).strip("_")[:LONGEST].rstrip("_")
        if not name[:1].isalpha():
            name = f"{otherwise}_{name}".strip("_")
        try:
            check_name(name)
        except ValueError:
            name = otherwise
        return free_name(name, {"input", "label", *(layer.name for layer in self.layers)})

    def node_name(self, node: Any) -> str:
        """Name the layer of a node."""
        return self.name(node.name or node.output[0], node.op_type.lower())


def free_name(name: str, taken: Collection[str]) -> str:
    """Append a number where a name is taken."""
    numbered = (f"{name}_{k}" for k in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in taken)
