"""The Graph: a network's layers in topological order; ``Graph.compute`` is the golden model."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ConfigError, ModelError
from bnnhw.ir.layer import LAYERS, Layer
from bnnhw.ir.samples import arrange_samples
from bnnhw.ir.types import MAX_ELEMENTS, Bits, Int, TensorType
from bnnhw.json_types import Json

__all__ = ["Graph"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A network that computes with integers only.

    Parameters
    ----------
    name : str
        Name of the network, and of its top module.
    input : TensorType
        Type of one sample.
    layers : tuple of Layer
        In topological order; each names its sources.
    outputs : tuple of (str, str)
        Name of each output and of the layer that gives it, in the order of the user.

    Raises
    ------
    ModelError
        A source or an output names no layer before it, types do not fit together, or names repeat.
    """

    name: str
    input: TensorType
    layers: tuple[Layer, ...]
    outputs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ModelError("the network has no layers", where=f"network '{self.name}'",
                             hint="add at least one under 'layers:'")
        types = {"input": self.input}
        for layer in self.layers:
            if layer.name in types:
                raise layer.error("two layers have this name", "rename one of them")
            for source, input_ in zip(layer.sources, layer.inputs, strict=True):
                if source not in types:
                    raise layer.error(f"reads '{source}', which is not a layer before it")
                if input_ != types[source]:
                    raise layer.error(f"expects {input_}, but '{source}' gives {types[source]}")
            types[layer.name] = layer.out_type()
        for output, source in self.outputs:
            if source not in types or source == "input":
                raise ModelError(f"reads '{source}', which is not a layer",
                                 where=f"output '{output}'")
        names = [output for output, _ in self.outputs]
        if len(set(names)) < len(names):
            raise ModelError("two outputs have the same name", where=f"network '{self.name}'")
        if not self.outputs:
            raise ModelError("the network has no output", where=f"network '{self.name}'")

    def layer(self, name: str) -> Layer:
        """Return the layer of a name."""
        return next(layer for layer in self.layers if layer.name == name)

    def readers(self, name: str) -> list[Layer]:
        """Layers that read the output of layer ``name``; one that reads it twice occurs twice."""
        return [layer for layer in self.layers for source in layer.sources if source == name]

    def output_types(self) -> dict[str, TensorType]:
        """Types of the outputs, by name."""
        return {output: self.layer(source).out_type() for output, source in self.outputs}

    def accept_input(self, x: np.ndarray, layout: str | None = None) -> np.ndarray:
        """Check samples, and return them as integers ``[n, *input.shape]`` of their given type.

        Parameters
        ----------
        x : integer or bool array
            Bits may be given as 0/1, as booleans, or as -1/+1 in a signed type.
        layout : str or None
            See ``arrange_samples``.

        Raises
        ------
        ConfigError
            The shape, the type or a value does not fit the input.
        """
        where = "input array"
        if x.dtype.kind not in "biu":
            raise ConfigError(f"has type {x.dtype}, expected integers", where=where,
                              hint="pass the pixels or bits themselves, not scaled floats")
        x = arrange_samples(x, self.input.shape, layout)
        if x.dtype == np.bool_:
            x = x.astype(np.uint8)
        element = self.input.element
        lo, hi = (int(x.min()), int(x.max())) if x.size else (element.lo, element.hi)
        if isinstance(element, Bits) and lo == -1 and hi <= 1:
            if not np.isin(x, (-1, 1)).all():
                raise ConfigError("mixes -1 with 0, expected 0/1 or -1/+1", where=where)
            return (x + 1) // 2
        if lo < element.lo or hi > element.hi:
            raise ConfigError(f"has values of {lo}..{hi}, expected {element.lo}..{element.hi}",
                              where=where)
        return x

    def check_input(self, x: np.ndarray, layout: str | None = None) -> np.ndarray:
        """Check samples as ``accept_input`` does, and return them as int64."""
        return self.accept_input(x, layout).astype(np.int64)

    def compute_all(self, x: np.ndarray, layout: str | None = None) -> dict[str, np.ndarray]:
        """Compute every layer's output, by layer name."""
        values = {"input": self.check_input(x, layout)}
        for layer in self.layers:
            values[layer.name] = layer.compute(*(values[s] for s in layer.sources))
        return values

    def compute(self, x: np.ndarray, layout: str | None = None) -> dict[str, np.ndarray]:
        """Run the golden model: ``x [n, *input.shape]`` -> one int64 array for each output."""
        return self.select_outputs(self.compute_all(x, layout))

    def select_outputs(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Pick the outputs of the network from the values of all layers."""
        return {output: values[source] for output, source in self.outputs}

    def to_json(self) -> dict[str, object]:
        """Convert to JSON values, with weights packed to bits; equal graphs give equal text."""
        return {
            "name": self.name,
            "input": self.input.to_json(),
            "layers": [{"kind": layer.kind, "name": layer.name, "source": layer.source,
                        **layer.params(),
                        "arrays": {k: _pack(v) for k, v in sorted(layer.arrays().items())}}
                       for layer in self.layers],
            "outputs": [list(pair) for pair in self.outputs],
        }

    @staticmethod
    def from_json(data: Json) -> Graph:
        """Rebuild a Graph from ``to_json``; every layer checks its parameters again."""
        types = {"input": TensorType.from_json(data["input"])}
        layers = []
        for item in data["layers"]:
            fields = {k: v for k, v in item.items() if k not in ("kind", "arrays")}
            fields.update({k: _unpack(v) for k, v in item["arrays"].items()})
            if item["kind"] not in LAYERS:
                raise ValueError(f"layer kind '{item['kind']}' is not registered")
            layer = LAYERS[item["kind"]].from_fields(fields, types)
            types[layer.name] = layer.out_type()
            layers.append(layer)
        outputs = tuple((str(o), str(s)) for o, s in data["outputs"])
        return Graph(str(data["name"]), types["input"], tuple(layers), outputs)

    def digest(self) -> str:
        """SHA-256 of ``to_json``; equal for graphs of equal layers, parameters and names."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _pack(array: np.ndarray) -> dict[str, object]:
    if array.dtype == np.uint8 and (not array.size or array.max() <= 1):
        data, dtype = np.packbits(array.ravel(), bitorder="little").tobytes(), "bit"
    else:
        width = Int(min(int(array.min()), -1), int(array.max())).width
        dtype = "<i4" if width <= 32 else "<i8"
        data = array.astype(dtype).tobytes()
    return {"shape": list(array.shape), "dtype": dtype, "base64": base64.b64encode(data).decode()}


def _unpack(data: Json) -> np.ndarray:
    raw = base64.b64decode(data["base64"], validate=True)
    shape = tuple(int(n) for n in data["shape"])
    size = math.prod(shape)
    width = {"bit": 1, "<i4": 32, "<i8": 64}.get(data["dtype"])
    if width is None or size > MAX_ELEMENTS or len(raw) != -(-size * width // 8):
        raise ValueError(f"array of shape {shape} and type {data['dtype']!r} has {len(raw)} bytes")
    if data["dtype"] == "bit":
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), count=size, bitorder="little")
        return bits.reshape(shape)
    return np.frombuffer(raw, data["dtype"]).astype(np.int64).reshape(shape)
