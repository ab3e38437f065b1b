"""Parameters of the MVTU: the folding, widths and memories of a product layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.units.mvtu.component import Mvtu
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants
from bnnhw.dataflow.units.mvtu.shape import MvtuShape
from bnnhw.dataflow.units.mvtu.token_model import MvtuBlock, Readings
from bnnhw.golden.layout import beats
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.logic.weighted_products import NO_MASK
from bnnhw.rtl.pe import PeParams
from bnnhw.rtl.plane_pe import PlanePeParams
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer
from bnnhw.rtl.weight_form import WeightForm

__all__ = ["MvtuParams"]

REGISTER = 0.5
"""LUTs of a lane of one product that the fitted cost model counts for the register of its weight
instead, as a fraction of the others. ``WeightForm.lane_cost`` is relative to both."""


@register_unit
@dataclass(frozen=True)
class MvtuParams(MvtuShape):
    """Folding, accumulator and memories of a product layer; its fields are those of ``MvtuShape``.
    """

    kind: ClassVar[str] = "mvtu"

    def pe_params(self, coefficient: int = 1) -> PeParams | PlanePeParams:
        """Describe one processing element; its latency does not depend on ``coefficient``."""
        form = self.weight_form
        if form is not None:
            return PlanePeParams(self.simd, self.acc_width, form, self.levels,
                                 self.product_register, self.family)
        return PeParams(self.simd, self.acc_width, coefficient, self.levels,
                        self.product_register, 1 if self.serial else self.bits, self.planes,
                        self.family)

    @property
    def latency(self) -> int:
        """Cycles from the issue of the last step of a row group until its word is valid."""
        return self.weight_latency + self.pe_params().latency + CreditQueue.LATENCY

    @property
    def free_running_depth(self) -> int:
        """Smallest depth of the output queue that stalls no step while the output is read."""
        return max(3, -(-(self.latency + 1) // (self.sf * self.planes)))

    def constants(self, graph: Graph, layer: str | None) -> MvtuConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, Product)
        return MvtuConstants.of(found, self.threshold, self.pad_columns)

    def compute(self, *words: np.ndarray, constants: MvtuConstants | None = None) -> np.ndarray:
        c, frames = self.require(constants), len(words[0])
        rows, columns = self.row_order(), self.column_order()
        form = self.weight_form or WeightForm(
            ((0, NO_MASK),), (tuple(c.coefficient << m for m in range(self.bits)),))
        x = words[0] + (1 << self.bits - 1) if c.signed else words[0]
        shape = (frames, self.vectors // self.matrices, self.matrices, self.sf, self.simd)
        if self.repeated:
            x = x.reshape(*shape[:3], self.nf, *shape[3:])[:, :, :, 0]
        x = x.reshape(*shape, self.pe) if self.own_lanes else x.reshape(*shape, 1)
        # [B, matrices, NF, PE, SF, SIMD]
        stored = c.padded(form)[:, rows[..., None, None], columns]
        signs = form.signs(stored.transpose(0, 1, 2, 4, 5, 3))
        # A plane of weights counts the bits of the activation where it is +1, zeros where it is -1.
        weights = np.tensordot(np.array(form.coefficients).T, signs, 1)  # [M, ...]
        zeros = np.tensordot(np.array(form.coefficients).sum(axis=1), signs == -1, 1)
        starts = c.starts[c.classes(shape[1])][:, rows]  # [positions, matrices, NF, PE]
        sums = []
        for group in range(self.nf):
            total = starts[:, :, group] + zeros[:, group].sum(axis=(1, 2))
            for m, plane in enumerate(weights[:, :, group]):
                total = total + ((x >> m & 1) * plane).sum(axis=(3, 4))
            sums.append(total)
        out = np.stack(sums, axis=3)
        if self.threshold:
            return (out >= 0).astype(np.int64).reshape(frames, -1, self.pe)
        return np.where(rows >= 0, out, 0).reshape(frames, -1, self.pe)

    def create(self, constants: MvtuConstants | None = None, module_name: str = "unit") -> Mvtu:
        return Mvtu(self, self.require(constants), module_name)

    def token_model(self) -> MvtuBlock:
        readings = Readings(self.vectors, self.sf, self.nf, self.planes)
        if self.repeated:
            readings = Readings(self.vectors * self.nf, self.sf, 1, 1)
        issue = ReplayBuffer.WRITE_LATENCY if self.replays else None
        capacity = 1 if self.holds else ReplayBuffer.depth(self.sf)
        return MvtuBlock(readings, issue, capacity, self.latency, self.queue_depth,
                         reuse=0 if self.holds else 1)

    def contents(self, constants: MvtuConstants | None, what: str) -> list[int]:
        if what == "weights":
            return self.weight_words(self.require(constants))
        return super().contents(constants, what)

    @property
    def form(self) -> str:
        """How integers are multiplied: ``serial`` or ``parallel``; empty for single bits."""
        return "" if self.bits == 1 else "serial" if self.serial else "parallel"

    @property
    def padding(self) -> str:
        """Description of the rows and columns that folding adds to the matrix; or empty."""
        rows = self.pe * (self.matrices if self.own_lanes else self.nf) - self.rows
        return " and ".join(f"{count} {what}" for count, what in (
            (rows, "rows"), (self.pad_columns, "columns")) if count)

    @property
    def folding(self) -> str:
        form = {"": "", "serial": f", {self.bits} bit planes one after another",
                "parallel": f", {self.bits} bits in parallel"}[self.form]
        padding = f", {self.padding} padded" if self.padding else ""
        order = "one after another" if self.serial_weights else "at once"
        count = len(self.plane_sources)
        weights = f", {count} weight planes {order}" if count > 1 else ""
        return f"{self.pe} x {self.simd}{form}{weights}{padding}"

    def summary(self) -> dict[str, object]:
        integers = {"bits": self.bits, "form": self.form} if self.form else {}
        planes = {"weight_planes": len(self.plane_sources)} if self.plane_sources else {}
        return {"pe": self.pe, "simd": self.simd, "sf": self.sf, "nf": self.nf, **integers,
                **planes, "weights": self.weight_memory, "thresholds": self.start_memory,
                "weight_bits": self.weight_words_count * self.weight_width,
                "padding": self.padding}

    def features(self) -> dict[str, float]:
        bits = self.bits if self.planes == 1 else 1
        serial = {"plane": self.pe * (self.simd.bit_length() + self.bits),
                  "chosen": float(self.i.bits)} if self.planes > 1 else {}
        lanes, form = self.pe * self.simd, self.weight_form
        late = (bits if form is None else form.word_bits) * self.product_register
        if self.replays and not self.holds:
            serial["replay"] = float(ReplayBuffer.depth(self.sf).bit_length())
        if self.bank_words:
            banks = beats(self.weight_words_count, self.bank_words)
            serial["banked"] = float(banks * (self.weight_width - self.weights_in_luts))
        products = {"lane": float(lanes), "number": float(lanes * (bits - 1))} if form is None \
            else {"lane": lanes * (form.lane_cost * (1 + REGISTER * self.product_register)
                                   - REGISTER * late), "number": 0.0}
        return {"unit": 1, "registered": lanes * late, **products,
                "acc": self.pe * self.acc_width, "pe": self.pe, "input": self.i.bits,
                "count": self.cycles.bit_length() + self.classes - 1, **serial}

    def memories(self) -> tuple[Memory, ...]:
        steps, words = self.weight_words_count, self.classes * self.matrices * self.nf
        vector: tuple[Memory, ...] = ()
        if self.replays and not self.holds:
            vector = (Memory("vector", ReplayBuffer.depth(self.sf), self.i.bits,
                             self.vector_memory, True),)
        spilled = self.weights_in_luts
        in_luts = (Memory("weights", steps, spilled, "lut", False),) if spilled else ()
        return (Memory("weights", steps, self.weight_width - spilled, self.weight_memory, False),
                *in_luts,
                Memory("thresholds", words, self.pe * self.acc_width, self.start_memory, False),
                Memory.of_queue(self.queue_depth, self.o.bits), *vector)
