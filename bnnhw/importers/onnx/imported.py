"""What an import of ONNX nodes knows: their translation, and the network."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.importers.network import Network
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.translation import Translation

__all__ = ["Imported", "StoredTensor"]


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of the model whose values a layer of the network stores as integers.

    Attributes
    ----------
    layer : str
        Layer of the network.
    tensor : str
        Tensor of the model.
    chain : Chain
        The float that each stored integer stands for, and the order of the elements.
    """

    layer: str
    tensor: str
    chain: Chain


@dataclass(frozen=True)
class Imported:
    """An import, with what relates the tensors of the model to the layers of the network.

    Attributes
    ----------
    start : Chain
        The input of the model.
    translation : Translation
        Of all nodes and outputs.
    fused : dict of str to str
        Layers of the translation that another layer of the network contains, by name.
    network : Network
        The result.
    """

    start: Chain
    translation: Translation
    fused: dict[str, str]
    network: Network

    def stored_tensors(self) -> tuple[StoredTensor, ...]:
        """Find the tensor that each layer of the network stores, in the order of the network.

        A layer without a tensor, such as one that only converts units, is left out.
        """
        layers = {layer.name: layer for layer in self.network.graph.layers}
        found: dict[str, StoredTensor] = {}
        for tensor, value in self.translation.values.items():
            if not isinstance(value, Chain) or value.source == "input" or value.nodes:
                continue
            name = self.fused.get(value.source, value.source)
            if name in layers and layers[name].out_type() == value.type:
                found.setdefault(name, StoredTensor(name, tensor, value))
        return tuple(found[name] for name in layers if name in found)
