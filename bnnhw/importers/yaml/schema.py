"""The keys of a layers.yaml outside its items: name, input, weights and outputs."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from bnnhw.config.fields import Name, Size, Source, Strict
from bnnhw.config.items import LayerItem
from bnnhw.config.names import PIXELS
from bnnhw.ir.types import MAX_ELEMENTS, NAMED_INTEGERS, Bits, Element, Int

__all__ = ["InputItem", "NetConfig"]

Bound = Annotated[int, Field(ge=-1 << 40, le=1 << 40)]


def _as_list(value: object) -> object:
    """Convert a tuple, which Python code gives where YAML has a list."""
    return list(value) if isinstance(value, tuple) else value


class InputItem(Strict):
    """``input:``, the type of one sample.

    ``bits`` are -1/+1 stored as 0/1, or 0/1 themselves with ``unipolar``. ``uint8``, ``int8`` and
    ``int`` (with ``bits``, ``signed`` or not, or in a ``range``) reach the layers unchanged,
    or are binarised at the ``threshold``: bit = [value >= threshold].
    """

    shape: Annotated[list[Size], Field(min_length=1, max_length=4), BeforeValidator(_as_list)]
    type: Literal["bits", "uint8", "int8", "int"]
    threshold: Bound | None = None
    unipolar: bool = False
    bits: Annotated[int, Field(ge=1, le=32)] | None = None
    signed: bool | None = None
    range: Annotated[list[Bound], Field(min_length=2, max_length=2),
                     BeforeValidator(_as_list)] | None = None

    @model_validator(mode="after")
    def _check(self) -> InputItem:
        if math.prod(self.shape) > MAX_ELEMENTS:
            raise ValueError(f"{math.prod(self.shape)} elements, at most {MAX_ELEMENTS} are "
                             "supported")
        if self.type == "bits" and self.threshold is not None:
            raise ValueError("type bits has no 'threshold'; remove it")
        if self.unipolar and self.type != "bits" and self.threshold is None:
            raise ValueError("'unipolar' applies to bits only; add 'threshold', or remove "
                             "'unipolar'")
        if self.type != "int" and (self.bits, self.signed, self.range) != (None, None, None):
            raise ValueError(f"type {self.type} has no 'bits', 'signed' or 'range'; write "
                             "'type: int'")
        if self.type == "int" and (self.bits is None) == (self.range is None):
            raise ValueError("type int needs 'bits' with 'signed: true' or 'false', or "
                             "'range: [lowest, highest]'")
        if (self.bits is None) != (self.signed is None):
            raise ValueError("'bits' and 'signed' belong together: give both or neither")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"range {self.range[0]}..{self.range[1]} is empty")
        return self

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def element(self) -> Element:
        """Type of an element before it is binarised."""
        if self.type == "bits":
            return Bits(unipolar=self.unipolar)
        if self.type in NAMED_INTEGERS:
            return NAMED_INTEGERS[self.type]
        if self.range is not None:
            return Int(self.range[0], self.range[1])
        assert self.bits is not None
        span = 1 << self.bits
        return Int(-span // 2, span // 2 - 1) if self.signed else Int(0, span - 1)


class NetConfig(Strict):
    """All keys of a layers.yaml."""

    name: Name
    input: InputItem
    weights: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,255}$")]
    seed: Annotated[int, Field(ge=0, le=(1 << 32) - 1)] = 0
    layers: Annotated[tuple[LayerItem, ...], Field(min_length=1)]
    outputs: Annotated[dict[Name, Source], Field(min_length=1)] | None = None

    def names(self) -> list[str]:
        """The name of every layer: the given one, or one from its kind and position."""
        return [item.name or item.default_name(k) for k, item in enumerate(self.layers)]

    @property
    def front(self) -> str:
        """Source of the first layer: the input, or its binarised pixels."""
        return "input" if self.input.threshold is None else PIXELS

    @model_validator(mode="after")
    def _unique(self) -> NetConfig:
        names = self.names()
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two layers are named '{name}'; rename one of them")
        return self

    @model_validator(mode="after")
    def _check_sources(self) -> NetConfig:
        known = list(dict.fromkeys(["input", self.front]))
        for item, name in zip(self.layers, self.names(), strict=True):
            for other in ((item.from_,) if item.from_ else ()) + item.others:
                if other not in known:
                    raise ValueError(f"layer '{name}' reads '{other}', which is not a layer before "
                                     f"it; these are {', '.join(known[-8:])}")
            known.append(name)
        for output, name in (self.outputs or {}).items():
            if name not in known or name == "input":
                raise ValueError(f"output '{output}' is layer '{name}', which is not a layer")
        declared = [name for item, name in zip(self.layers, self.names(), strict=True)
                    if item.output]
        if self.outputs and declared:
            raise ValueError(f"'outputs' is given, and layer '{declared[0]}' has an 'output'; "
                             "keep one of them ('sums: true' gives raw sums)")
        return self
