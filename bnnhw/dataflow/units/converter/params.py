"""Parameters of the width converter: its integer function, timing model and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.units.converter.component import WidthConverter
from bnnhw.dataflow.units.converter.token_model import ConverterBlock

__all__ = ["ConverterParams", "converter_features"]


@register_unit
@dataclass(frozen=True)
class ConverterParams(RegisterParams[None]):
    """Regroups words of A lanes into words of B lanes, and groups of elements into other groups."""

    kind: ClassVar[str] = "converter"

    def __post_init__(self) -> None:
        if min(self.i.lanes, self.o.lanes, self.i.elements, self.o.elements, self.i.width) < 1:
            raise ValueError("lanes, elements and width of a width converter must be positive")

    @property
    def capacity(self) -> int:
        """Lanes of the shift register."""
        return self.i.lanes + 2 * self.o.lanes - 1

    @property
    def room(self) -> int:
        """Largest number of filled lanes at which another input word still fits."""
        return self.capacity - self.i.lanes

    @property
    def step(self) -> int:
        """Greatest common divisor of the possible numbers of waiting elements."""
        return math.gcd(self.i.lanes, self.o.lanes, self.i.last_lanes, self.o.last_lanes)

    @property
    def rotation_bits(self) -> int:
        """Bits of the rotation, in steps, that aligns an input word with the waiting elements."""
        return min(self.i.lanes // self.step - 1, self.room // self.step).bit_length()

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return self.o.to_words(self.i.from_words(words[0]))

    def create(self, constants: None = None, module_name: str = "unit") -> WidthConverter:
        return WidthConverter(self)

    def token_model(self) -> ConverterBlock:
        return ConverterBlock(self.i, self.o, self.capacity, self.latency)

    @property
    def folding(self) -> str:
        return f"{self.i.lanes} -> {self.o.lanes}"

    def summary(self) -> dict[str, object]:
        return {"lanes": self.folding}

    def features(self) -> dict[str, float]:
        bits = self.capacity * self.i.width
        return {"unit": 1, "shift": bits, "short": bits * (self.o.last_lanes < self.o.lanes),
                "turn": self.i.bits * self.rotation_bits,
                "places": self.capacity / self.step * (self.rotation_bits > 0),
                "count": self.i.words.bit_length()}


def converter_features(elements: int, a: np.ndarray, b: np.ndarray, width: int,
                       groups: int) -> dict[str, np.ndarray]:
    """``ConverterParams.features`` of many converters at once.

    Parameters
    ----------
    elements, width, groups : int
        Elements of a group, bits per element, and groups per frame, at both ends.
    a, b : int [...]
        Lanes of input and output, which broadcast against each other.
    """
    a, b = np.broadcast_arrays(a, b)
    capacity, room = a + 2 * b - 1, 2 * b - 1
    last_a, last_b = (elements - 1) % a + 1, (elements - 1) % b + 1
    step = np.gcd(np.gcd(a, b), np.gcd(last_a, last_b))
    rotation = _bit_length(np.minimum(a // step - 1, room // step))
    return {"unit": np.ones(a.shape), "shift": capacity * width,
            "short": capacity * width * (last_b < b), "turn": a * width * rotation,
            "places": capacity / step * (rotation > 0),
            "count": _bit_length(groups * -(-elements // a))}


def _bit_length(numbers: np.ndarray) -> np.ndarray:
    return np.ceil(np.log2(numbers + 1.0)).astype(np.int64)
