"""Builds the list of units along the network, with forks and width converters between them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

from bnnhw.dataflow.folding import Fold, Matrix
from bnnhw.dataflow.params import Params
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.unit import Unit
from bnnhw.dataflow.units import ConverterParams, ForkParams, InputParams
from bnnhw.dataflow.units.mvtu import Storage
from bnnhw.families import Device
from bnnhw.golden.layout import beats
from bnnhw.ir import Graph, TensorType
from bnnhw.layers import ArgMax, Binarize, Flatten

__all__ = ["Builder"]

C = TypeVar("C")


class Builder:
    """The units that exist so far, and the streams that later layers can still read.

    Parameters
    ----------
    graph : Graph
    device : Device
    target_cycles : int
        Cycles per frame that no unit should exceed.
    folds : dict
        Matrix and fold of each product layer, by its name.
    memories : dict
        Storage of the ROMs of each product layer.
    """

    def __init__(self, graph: Graph, device: Device, target_cycles: int,
                 folds: dict[str, tuple[Matrix, Fold]], memories: dict[str, Storage]) -> None:
        self.graph, self.device, self.target_cycles = graph, device, target_cycles
        self.folds, self.memories = folds, memories
        self.units: list[Unit] = []
        self.types: dict[str, TensorType] = {"input": graph.input}
        self._alias: dict[str, str] = {}
        self._left: dict[str, list[str]] = {}
        self._streams: dict[str, StreamPlan] = {}
        for layer in graph.layers:
            self.types[layer.name] = layer.out_type()
            if isinstance(layer, (Flatten, Binarize)):
                self._alias[layer.name] = self.resolve(layer.source)
        self.forwarding = {layer.name: self.resolve(layer.source) for layer in graph.layers
                           if isinstance(layer, ArgMax) and self._forwards(layer)}
        """Argmax layers that emit their scores with the label, and the layers of these scores."""

    def resolve(self, name: str) -> str:
        """Return the layer, or ``input``, whose stream carries a layer's output."""
        return self._alias.get(name, name)

    def readers(self, name: str) -> int:
        """Count the units and outputs that read a stream."""
        sources = [s for layer in self.graph.layers if layer.name not in self._alias
                   for s in layer.sources]
        # Two outputs of one layer share one stream.
        output_layers = {self.resolve(s) for _, s in self.graph.outputs}
        return sum(self.resolve(s) == name for s in sources) + (name in output_layers)

    def _forwards(self, layer: ArgMax) -> bool:
        """Return whether the scores are an output too, and no other layer reads them."""
        output_layers = {self.resolve(s) for _, s in self.graph.outputs}
        scores = self.resolve(layer.source)
        return layer.name in output_layers and scores in output_layers and \
            scores != "input" and self.readers(scores) == 2 and self.readers(layer.name) == 1

    def add(self, name: str, layer: str | None, sources: tuple[str, ...],
            params: Params[C]) -> Unit:
        """Append a unit; its arguments are those of ``Unit``."""
        unit = Unit(name, layer, sources, params)
        self.units.append(unit)
        return unit

    def provide(self, name: str, unit: Unit) -> None:
        """Declare ``unit.o`` as the stream of layer ``name``, and fork it for its readers."""
        stream, source, left = unit.o, unit.name, []
        count = 1 if name in self.forwarding.values() else self.readers(name)
        for k in range(count - 1):
            tail = "" if count == 2 else str(k)
            fork = self.add(f"{unit.name}_fork{tail}", None, (source,), ForkParams(stream, stream))
            left.append(f"{fork.name}.0")
            source = f"{fork.name}.1"
        self._left[name] = [*left, source]
        self._streams[name] = stream

    def stream(self, name: str) -> StreamPlan | None:
        """Return the stream of a layer; None for an input that no layer has read yet."""
        return self._streams.get(self.resolve(name))

    def lanes(self, name: str, words_a_word: float = 1) -> int:
        """Return the lanes at which a layer's stream meets the target, at least its current ones.

        ``words_a_word`` is the number of words that the reader makes of each word of the stream.
        """
        type_, stream = self.types[name], self.stream(name)
        pixels = type_.map[0] * type_.map[1]
        least = stream.lanes if stream else 1
        for lanes in range(min(least, type_.channels), type_.channels + 1):
            words = math.ceil(pixels * words_a_word) * beats(type_.channels, lanes)
            if words <= self.target_cycles:
                return lanes
        return type_.channels

    def want(self, name: str, reader: str, elements: int, lanes: int) -> tuple[str, StreamPlan]:
        """Read a branch of a layer's stream in words of ``lanes``, in groups of ``elements``."""
        type_, source = self.types[name], self.resolve(name)
        groups = type_.size // elements
        if source not in self._left:
            self.provide_input(elements, lanes, groups)
        stream, branch = self._streams[source], self._left[source].pop(0)
        wanted = replace(stream, elements=elements, lanes=lanes, groups=groups)
        if stream.same_words(wanted):
            return branch, wanted
        if max(stream.elements, elements) % min(stream.elements, elements):
            pixel = replace(stream, elements=type_.channels, groups=type_.size // type_.channels)
            branch = self.add(f"{reader}_dwc0", None, (branch,),
                              ConverterParams(stream, pixel)).name
            stream = pixel
        converter = self.add(f"{reader}_dwc", None, (branch,), ConverterParams(stream, wanted))
        return converter.name, wanted

    def branch(self, name: str) -> tuple[str, StreamPlan]:
        """Read a branch of a layer's stream without a converter."""
        return self._left[name].pop(0), self._streams[name]

    def provide_input(self, elements: int, lanes: int, groups: int) -> None:
        """Add the input unit, with words of ``lanes`` and groups of ``elements``."""
        first = self.graph.layers[0]
        front = first if isinstance(first, Binarize) else None
        element = self.graph.input.element
        outside = StreamPlan(elements, lanes, element.width, element.signed, groups)
        inside = outside if front is None else StreamPlan(elements, lanes, 1, False, groups)
        params = InputParams(outside, inside, front.threshold if front else None)
        self.provide("input", self.add("s_axis", front.name if front else None, (), params))
