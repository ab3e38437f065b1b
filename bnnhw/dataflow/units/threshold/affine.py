"""Thresholds in affine form: multiply, add, shift and clip, where that equals the comparisons."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.threshold.affine_fit import (
    AffineForm,
    common_affine,
    fit_affine,
    is_exact,
)
from bnnhw.dataflow.units.threshold.bank import level_stream
from bnnhw.dataflow.units.threshold.constants import (
    Reach,
    ThresholdConstants,
    threshold_layer,
)
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import Product, Threshold
from bnnhw.logic.signed_digits import signed_digits
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.rom import Rom

__all__ = ["AffineThresholdConstants", "AffineThresholdParams", "AffineThresholdUnit",
           "affine_threshold_params"]


@dataclass(frozen=True, eq=False)
class AffineThresholdConstants:
    """A form that equals the thresholds, and the channels on which it falls.

    Parameters
    ----------
    form : AffineForm
    falling : uint8 [channels]
    """

    form: AffineForm
    falling: np.ndarray


@register_unit
@dataclass(frozen=True)
class AffineThresholdParams(PipelineParams[AffineThresholdConstants]):
    """A multiplier, an adder and a clip per lane.

    Parameters
    ----------
    levels : int
        Thresholds per channel.
    shift : int
    scale : int or None
        The scale of all channels, as shifts and additions; None for a ROM and a multiplier.
    scale_width : int
        Bits of a scale, without a sign.
    sum_width : int
        Bits of the sum before the shift, in two's complement.
    falls : bool
        Some channel falls.
    """

    levels: int
    shift: int
    scale: int | None
    scale_width: int
    sum_width: int
    falls: bool

    kind: ClassVar[str] = "threshold_affine"

    @property
    def additions(self) -> int:
        """Additions and subtractions of shifted values that multiply by the common scale."""
        return 0 if self.scale is None else max(0, len(signed_digits(self.scale)) - 1)

    @property
    def multiplies(self) -> bool:
        """Whether there is a product with a register, and not only a shift of the element."""
        return self.scale is None or self.additions > 0

    @property
    def registers(self) -> int:
        return 2 + self.multiplies  # the input word, the product, the sum

    def constants(self, graph: Graph, layer: str | None) -> AffineThresholdConstants:
        found = threshold_layer(graph, layer)
        form = _form_of(found, self.scale is not None)
        assert form is not None
        assert form.shift == self.shift, layer
        return AffineThresholdConstants(form, ThresholdConstants.of(found).falling)

    def compute(self, *words: np.ndarray,
                constants: AffineThresholdConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        return self.o.to_words(c.form.count(self.i.from_words(words[0]), c.falling, self.levels))

    def create(self, constants: AffineThresholdConstants | None = None,
               module_name: str = "unit") -> AffineThresholdUnit:
        return AffineThresholdUnit(self, self.require(constants), module_name)

    def features(self) -> dict[str, float]:
        product = self.i.bits * self.scale_width if self.scale is None else 0
        return {"unit": 1, "product": product, "in": self.i.bits, "out": self.o.bits,
                "sum": self.i.lanes * self.sum_width * (1 + self.additions)}

    def memories(self) -> tuple[Memory, ...]:
        each = self.sum_width + (self.scale_width if self.scale is None else 0) + self.falls
        return (Memory("scales", self.i.group_words, self.i.lanes * each, "lut", False),
                *super().memories())

    def summary(self) -> dict[str, object]:
        scale = "per channel" if self.scale is None else self.scale
        return {"form": "affine", "levels": self.levels, "scale": scale, "shift": self.shift}


def affine_threshold_params(layer: Threshold | Product, i: StreamPlan,
                            common: bool) -> AffineThresholdParams | None:
    """Describe the thresholds of a layer in affine form; None where no such form equals them.

    Parameters
    ----------
    layer : Threshold or Product
    i : StreamPlan
        The stream that the unit reads.
    common : bool
        All channels have one scale.
    """
    form = _form_of(layer, common)
    if form is None:
        return None
    reach, falling = Reach.of(layer), ThresholdConstants.of(layer).falling.astype(np.bool_)
    ends = [np.where(falling, ~end, end) * form.scale + form.offset
            for end in (reach.low, reach.high)]
    total = Int(min(-1, *(int(e.min()) for e in ends)), max(0, *(int(e.max()) for e in ends)))
    scale = int(form.scale.max())
    return AffineThresholdParams(i, level_stream(layer, i), layer.levels, form.shift,
                                 scale if common else None, max(1, scale.bit_length()),
                                 total.width, bool(falling.any()))


@functools.lru_cache(maxsize=64)
def _form_of(layer: Threshold | Product, common: bool) -> AffineForm | None:
    """Find the affine form of a layer, and prove it; plans for many targets ask for it again."""
    constants, reach = ThresholdConstants.of(layer), Reach.of(layer)
    form = (common_affine if common else fit_affine)(constants, reach)
    assert form is None or is_exact(form, constants, reach), layer.name
    return form


class AffineThresholdUnit(ConstantUnit[AffineThresholdParams, AffineThresholdConstants]):
    """Computes thresholds in affine form on every lane, one word per cycle."""

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        form = self.constants.form
        offsets = self._rom(m, front, "offsets", form.offset, p.sum_width)
        falls: Value = Const(0, p.i.lanes)
        if p.falls:
            falls = self._rom(m, front, "falling", self.constants.falling, 1)
        scales = None
        if p.scale is None:
            scales = self._rom(m, front, "scales", form.scale, p.scale_width)
        results: list[Value] = []
        for k in range(p.i.lanes):
            x = front.values.word_select(k, p.i.width)
            turned = Signal(signed(p.i.width + (not p.i.signed)), name=f"turned{k}")
            element = x.as_signed() if p.i.signed else Cat(x, 0).as_signed()
            m.d.comb += turned.eq(element ^ falls[k].replicate(len(turned)))
            scale = None if scales is None else scales.word_select(k, p.scale_width)
            total = self._total(m, turned, scale, offsets.word_select(k, p.sum_width), k)
            result = Signal(p.o.width, name=f"result{k}")
            shifted = total >> p.shift
            m.d.comb += result.eq(Mux(shifted < 0, 0, Mux(shifted > p.levels, p.levels, shifted)))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m

    def _rom(self, m: Module, front: PerChannel, name: str, values: np.ndarray,
             width: int) -> Signal:
        """Return the constants of the current word of a pixel."""
        lanes = self.params.i.lanes
        m.submodules[name] = rom = Rom(words=pack_integers(channel_words(values, lanes), width),
                                       width=lanes * width, style="lut")
        m.d.comb += rom.addr.eq(front.word)
        return rom.data

    def _total(self, m: Module, x: Signal, scale: Value | None, offset: Value,
               k: int) -> Signal:
        """Return the register with ``scale * x + offset``.

        It is computed modulo ``2**sum_width``, which is exact because the sum itself fits.
        """
        p = self.params
        total = Signal(signed(p.sum_width), name=f"total{k}")
        if scale is not None:
            product: Value = x * scale
        else:
            assert p.scale is not None
            product = sum(((x << at) * sign for at, sign in signed_digits(p.scale)), start=Const(0))
        if p.multiplies:
            register = Signal(signed(p.sum_width), name=f"product{k}")
            later = Signal(p.sum_width, name=f"offset{k}")
            m.d.sync += [register.eq(product), later.eq(offset)]
            product, offset = register, later
        m.d.sync += total.eq(product + offset)
        return total
