"""Collects the layers, certificates and notes of an import, and gives the layers unique names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bnnhw.config.names import check_name
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.scores import IntegerScores
from bnnhw.ir import TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import Layer

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["LayerList", "free_name"]

MAX_NAME = 28
"""Maximum length of a layer name before a number is appended."""


@dataclass
class LayerList:
    """Layers in topological order, with their certificates, scores and notes.

    Attributes
    ----------
    opset : int
        Version of the model's default operator set.
    layers, certificates : list
    scores : list of IntegerScores
        One for each output that is scores.
    known : dict
        Chains by what they were made from, so that equal layers are added only once.
    notes : list of str
        What the user has to know about the import, one sentence each.
    """

    opset: int
    layers: list[Layer] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    scores: list[IntegerScores] = field(default_factory=list)
    known: dict[tuple[Any, ...], Chain] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> TensorType:
        """Append a layer and return the type of its output."""
        self.layers.append(layer)
        return layer.out_type()

    def name(self, preferred: str, otherwise: str) -> str:
        """Make a legal and unused name from the preferred one, or from ``otherwise``."""
        name = re.sub(r"[^A-Za-z0-9]+", "_", preferred).strip("_")[:MAX_NAME].rstrip("_")
        if not name[:1].isalpha():
            name = f"{otherwise}_{name}".strip("_")
        try:
            check_name(name)
        except ValueError:
            name = otherwise
        return free_name(name, {"input", "label", *(layer.name for layer in self.layers)})

    def node_name(self, node: NodeProto) -> str:
        """Make the name of the layer that a node becomes."""
        return self.name(node.name or node.output[0], node.op_type.lower())


def free_name(name: str, used: Collection[str]) -> str:
    """Return a name, with a number appended if it is in use."""
    numbered = (f"{name}_{k}" for k in itertools.count(2))
    return next(n for n in itertools.chain([name], numbered) if n not in used)
