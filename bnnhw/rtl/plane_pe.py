"""The processing element for weights of several planes: sums of products and an accumulator."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.lane_sum import LaneSum
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.weight_form import WeightForm

__all__ = ["PlaneElement", "PlanePeParams"]


@dataclass(frozen=True)
class PlanePeParams:
    """The size and the pipeline of a processing element for weights of several planes.

    Parameters
    ----------
    simd : int
        Columns per cycle.
    width : int
        Bits of the accumulator, two's complement.
    form : WeightForm
        What a lane multiplies.
    levels, product_register, family
        As in ``PeParams``.
    """

    simd: int
    width: int
    form: WeightForm
    levels: int
    product_register: bool = False
    family: str = "generic"

    step_ports: ClassVar[tuple[str, ...]] = ("plane",)
    """Ports that take the number of a step."""

    @property
    def input_register(self) -> bool:
        """The register precedes the products, because the adder cells absorb them."""
        return self.product_register and get_target(self.family).absorbs_products

    @property
    def early_register(self) -> bool:
        """The register follows the first cells of the sums."""
        return self.product_register and not self.input_register

    @property
    def sum_latencies(self) -> tuple[int, ...]:
        """Latency of the sum of each odd factor."""
        return tuple(LaneSum.latency(self.simd, shape, self.family, self.levels,
                                     self.early_register)
                     for shape in self.form.groups.values())

    @property
    def count_latency(self) -> int:
        """Cycles from the activations until the sum of a step is complete."""
        return int(self.input_register) + max(self.sum_latencies) + \
            int(len(self.form.groups) > 1)

    @property
    def latency(self) -> int:
        """Cycles from the activations of the last step until they are in the accumulator."""
        return self.count_latency + int(self.form.steps > 1) + 1

    def create(self) -> PlaneElement:
        """Make the component."""
        return PlaneElement(self)


class PlaneElement(SharedComponent):
    """Accumulates sums of products of planes over the words of a dot product.

    A cycle adds up the products of one step, see ``WeightForm``. Products whose coefficients have
    different odd factors have a sum for each factor; the sums are multiplied by these constants
    and added in one more pipeline stage. With several steps per word, a register adds up the
    steps: it doubles the sum so far, or multiplies the sum of each step by its factor. After the
    last step the accumulator adds it.

    Parameters
    ----------
    params : PlanePeParams

    Members
    -------
    a : In(simd * planes)
        Activations, all planes of a lane that a step multiplies.
    w : In(simd * stored)
        Stored bits of the weights of a row, lane by lane.
    count, first_plane, enable, first, start, acc
        As in ``ProcessingElement``.
    plane : In(range(steps))
        Number of the step to which the sum belongs, in the cycle of ``count``.
    """

    def __init__(self, params: PlanePeParams) -> None:
        self.params = params
        form = params.form
        super().__init__({
            "a": In(params.simd * form.lane_planes), "w": In(params.simd * form.word_bits),
            "count": In(1), "first_plane": In(1), "plane": In(range(form.steps)),
            "enable": In(1), "first": In(1), "start": In(signed(params.width)),
            "acc": Out(signed(params.width)),
        })

    @property
    def module_name(self) -> str:
        p = self.params
        form = hashlib.sha256(repr(p.form).encode()).hexdigest()[:12]
        tail = "_r" if p.product_register else ""
        return f"bnnhw_plane_pe_{p.simd}_a{p.width}_{form}_l{p.levels}{tail}_{p.family}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        form = p.form
        base = Signal(signed(p.width))
        m.d.comb += base.eq(Mux(self.first, self.start, self.acc))
        term = self._sum(m)
        if form.steps > 1:
            total = Signal(range(p.simd * form.top + 1))
            before: Value = total << 1 if form.doubles else total
            scaled: Value = term
            if not form.doubles:
                scaled = Signal(range(p.simd * form.top + 1), name="scaled")
                with m.Switch(self.plane):
                    for k, scale in enumerate(form.scales):
                        with m.Case(k):
                            m.d.comb += scaled.eq(_times(term, scale))
            with m.If(self.count):
                m.d.sync += total.eq(Mux(self.first_plane, 0, before) + scaled)
            term = _times(total, form.scales[-1]) if form.doubles else total
        with m.If(self.enable):
            m.d.sync += self.acc.eq(base + term)
        return m

    def _sum(self, m: Module) -> Value:
        """Add up the products of a step."""
        p = self.params
        domain = m.d.sync if p.input_register else m.d.comb
        x = Signal(len(self.a) + len(self.w))
        domain += x.eq(Cat(self.a, self.w))
        terms: list[Value] = []
        for (odd, shape), latency in zip(p.form.groups.items(), p.sum_latencies, strict=True):
            lanes = LaneSum(lanes=p.simd, shape=shape, family=p.family, levels=p.levels,
                            early=p.early_register)
            prefix_ports(lanes, f"sum{odd}")
            m.submodules[f"sum{odd}"] = lanes
            m.d.comb += lanes.x.eq(x)
            late = delayed(m, lanes.y, max(p.sum_latencies) - latency, f"late{odd}")
            terms.append(_times(late, odd))
        if len(terms) == 1:
            return terms[0]
        total = Signal(range(p.simd * p.form.lane_top + 1))
        m.d.sync += total.eq(sum(terms[1:], terms[0]))
        return total


def _times(value: Value, factor: int) -> Value:
    """Multiply by a constant with shifts and adders, as synthesis would spend a multiplier."""
    return balanced_sum([value << k for k in range(factor.bit_length()) if factor >> k & 1])
