"""Interface of a layer kind: integer arithmetic, its form in layers.yaml, and descriptions."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.errors import ModelError
from bnnhw.ir.certificate import Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.ir.types import Bits, TensorType
from bnnhw.json_types import Json

__all__ = ["ITEMS", "LAYERS", "Built", "Counter", "Described", "Join", "Layer", "PackedBits",
           "PackedStep", "layer_of_item", "register"]

Counter = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]
"""``(bits [N, in], weights [rows, in]) -> popcounts of their XNOR, int64 [N, rows]``."""

PackedStep = Callable[[np.ndarray], np.ndarray]
"""Computes a layer for one block of samples, see ``Layer.packed_step``."""

Described = tuple[Json, dict[str, np.ndarray]]
"""An item of layers.yaml without ``name``, ``from`` and ``output``, and its arrays by key."""


class PackedBits(Protocol):
    """Operations on bits that are packed in 64-bit words, one sample per column."""

    def pack(self, bits: np.ndarray) -> np.ndarray:
        """Pack booleans ``[n, L]`` into uint64 ``[ceil(L / 64), n]``."""

    def differing(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Count differing bits: uint64 ``[words, n]``, ``[rows, words]`` -> int64 ``[n, rows]``."""

    def threshold(self, values: np.ndarray, weights: np.ndarray,
                  limits: np.ndarray) -> np.ndarray:
        """Pack ``differing <= limits`` (int64 [rows]) into uint64 ``[ceil(rows / 64), n]``."""


@dataclass(frozen=True, eq=False)
class Layer(abc.ABC):
    """A node of the Graph: integers in, integers out.

    Parameters
    ----------
    name : str
        Unique in its Graph.
    source : str
        Name of the layer whose output this one reads, or ``"input"``.
    input : TensorType
        Type of what it reads.
    """

    name: str
    source: str
    input: TensorType

    kind: ClassVar[str]
    """Name of the kind in stored networks and in messages."""

    items: ClassVar[tuple[type[LayerItem], ...]] = ()
    """Items of layers.yaml that build this kind."""

    follows_scores: ClassVar[bool] = False
    """After the scores of a network, this layer still gives scores, or their label."""

    replaces_scores: ClassVar[bool] = False
    """At the end of a network, its result becomes the output ``scores`` in place of its source."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of everything that it reads, in order."""
        return (self.source,)

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        """Types of everything that it reads, in order."""
        return (self.input,)

    def with_inputs(self, types: Mapping[str, TensorType]) -> Layer:
        """Return the layer with the input types that its sources have in ``types``."""
        type_ = types[self.source]
        return self if self.input == type_ else replace(self, input=type_)

    def with_source(self, old: str, new: str) -> Layer:
        """Return the layer that reads ``new`` where this one reads ``old``, of the same type."""
        return replace(self, source=new) if self.source == old else self

    def after_thresholds(self, falling: np.ndarray) -> Layer | None:
        """Return this layer for use after thresholds that follow it; None if it cannot move there.

        It can move if its result is the same in both orders, as for the largest element of a
        window. ``falling`` (uint8 [C]) is 1 for channels whose thresholds invert the order of the
        values. Source and input type of the result are those of this layer.
        """
        return None

    def input_thresholds(self, thresholds: np.ndarray,
                         falling: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return thresholds of the input that have the effect of thresholds of the output.

        They replace this layer where thresholds ``[C, J]`` alone read it, with ``falling`` (uint8
        [C]) as in ``Threshold``. None where no thresholds of the input have the same effect, as
        for a function that neither rises nor falls throughout.
        """
        return None

    @abc.abstractmethod
    def out_type(self) -> TensorType:
        """Type of the output; follows from the input types and the parameters alone."""

    @abc.abstractmethod
    def compute(self, *x: np.ndarray) -> np.ndarray:
        """Compute the output of ``x`` ``[n, *input.shape]`` int64 -> ``[n, *out.shape]`` int64."""

    def compute_counting(self, count: Counter, *x: np.ndarray) -> np.ndarray:
        """Compute the output as ``compute`` does, with another implementation of popcounts."""
        return self.compute(*x)

    @property
    def gathered_elements(self) -> int:
        """Elements that ``compute`` gathers for one sample; they limit how many run at once."""
        return 1

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        """Make the fast implementation on packed bits; None where the layer has none.

        Its argument and its result are uint64 ``[ceil(elements / 64), n]`` of a type of bits, and
        int64 ``[n, *shape]`` of any other type.
        """
        return None

    def params(self) -> dict[str, object]:
        """Scalar parameters, as JSON values."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """Array parameters, by their names in the constructor."""
        return {}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        """Convert what ``params`` gave back from JSON to arguments of the constructor."""
        return params

    @classmethod
    def from_fields(cls, fields: dict[str, Any], types: Mapping[str, TensorType]) -> Layer:
        """Rebuild a layer from its name, sources, ``params`` and arrays.

        ``types`` are those of the layers before it, and of the input.
        """
        arguments: dict[str, Any] = cls.parse(fields)
        return cls(input=types[fields["source"]], **arguments)

    @classmethod
    @abc.abstractmethod
    def build(cls, item: Any, at: LayerContext, arrays: Arrays) -> Built:
        """Build the layer that one of its ``items`` describes.

        Raises
        ------
        ConfigError
            An array is missing or has a wrong shape, or the item does not fit its input.
        ModelError
            The layer has no exact integer meaning.
        """

    @abc.abstractmethod
    def describe(self) -> Described:
        """Describe the layer as the item and the arrays that ``build`` makes it from."""

    def hardware(self, reduced: Layer) -> str:
        """Say in a few words what the layer becomes in hardware.

        ``reduced`` is the same layer after the passes.
        """
        return self.kind

    def output_name(self) -> str:
        """Name of the result where the layer is the last one and is given no name for it."""
        return "bits" if isinstance(self.out_type().element, Bits) else "scores"

    def accepts_output(self, name: str) -> bool:
        """Whether its item with the key ``output: name`` still builds this layer."""
        return True

    def error(self, message: str, hint: str | None = None) -> ModelError:
        """Make the error that names this layer."""
        return ModelError(message, where=f"layer '{self.name}' ({self.kind})", hint=hint)


Built = tuple[Layer, Certificate | None]
"""A layer, and the certificate of its thresholds where it has some."""


@dataclass(frozen=True, eq=False)
class Join(Layer):
    """A layer with two inputs.

    Parameters
    ----------
    second : str
        Name of the layer that gives the second input, or ``"input"``.
    second_input : TensorType
    """

    second: str
    second_input: TensorType

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, self.second)

    @property
    def inputs(self) -> tuple[TensorType, ...]:
        return (self.input, self.second_input)

    def with_inputs(self, types: Mapping[str, TensorType]) -> Layer:
        expected = tuple(types[source] for source in self.sources)
        if self.inputs == expected:
            return self
        return replace(self, input=expected[0], second_input=expected[1])

    def with_source(self, old: str, new: str) -> Layer:
        source, second = (new if name == old else name for name in self.sources)
        changed = (source, second) != self.sources
        return replace(self, source=source, second=second) if changed else self

    def params(self) -> dict[str, object]:
        return {"second": self.second}

    @classmethod
    def from_fields(cls, fields: dict[str, Any], types: Mapping[str, TensorType]) -> Layer:
        return super().from_fields({**fields, "second_input": types[fields["second"]]}, types)


LAYERS: dict[str, type[Layer]] = {}
"""Registered layer kinds by name; importing ``bnnhw.layers`` registers those of bnnhw."""

ITEMS: dict[str, type[LayerItem]] = {}
"""Items of layers.yaml by their kind, of all registered layers."""

AnyLayer = TypeVar("AnyLayer", bound=type[Layer])


def register(layer: AnyLayer) -> AnyLayer:
    """Register a layer kind, so that networks can be loaded, saved and built with it.

    Raises
    ------
    ValueError
        Another class has registered this kind, or one of its items.
    """
    if LAYERS.get(layer.kind, layer) is not layer:
        raise ValueError(f"layer kind '{layer.kind}' is already registered by "
                         f"{LAYERS[layer.kind].__name__}; choose another name")
    for item in layer.items:
        if ITEMS.get(item.kind, item) is not item:
            raise ValueError(f"item '{item.kind}' is already registered by "
                             f"{ITEMS[item.kind].__name__}; choose another name")
    LAYERS[layer.kind] = layer
    ITEMS.update({item.kind: item for item in layer.items})
    return layer


def layer_of_item(kind: str) -> type[Layer]:
    """Return the layer class that the items of a kind build."""
    return next(layer for layer in LAYERS.values() if ITEMS[kind] in layer.items)
