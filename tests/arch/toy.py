"""Toy architecture in one file: small networks of dense layers as combinational logic.

It is the example for the protocol of ``bnnhw.arch``. The core accepts one frame of bits as one word
and answers with all outputs in one word, ``registers`` cycles later.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bnnhw.arch import Architecture, Part, Rows, option_field
from bnnhw.arch.simulation import Engine, Generated, Port, Progress, Run, Stalls, StreamCore
from bnnhw.errors import MismatchError, PlanError
from bnnhw.families import Device
from bnnhw.ir import Bits, Graph
from bnnhw.layers import ArgMax, Dense
from bnnhw.plan import Goal
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Toy", "ToyOptions"]


@dataclass(frozen=True)
class ToyOptions:
    """Options of ``toy``."""

    registers: int | None = option_field("Registers after the logic, at least 1 (default 1).")


@dataclass(frozen=True)
class Field:
    """Where one output lies in the output word."""

    name: str
    elements: int
    width: int
    signed: bool
    first_bit: int


@dataclass(frozen=True)
class ToyPlan:
    """The plan: input bits, output fields, and the number of registers, which is the latency."""

    name: str
    device: str
    inputs: int
    products: int
    registers: int
    fields: tuple[Field, ...]
    arch: str = "toy"
    target_cycles: int = 1
    ii: int = 1

    @property
    def latency(self) -> int:
        return self.registers

    @property
    def in_bytes(self) -> int:
        return -(-self.inputs // 8)

    @property
    def out_bytes(self) -> int:
        last = self.fields[-1]
        return -(-(last.first_bit + last.elements * last.width) // 8)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ToyCore(SharedComponent):
    """The hardware: all layers between two AXI4-Streams, with registers at the end."""

    def __init__(self, plan: ToyPlan, graph: Graph) -> None:
        self.plan, self.graph = plan, graph
        super().__init__({
            "s_axis_tdata": In(8 * plan.in_bytes), "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1), "s_axis_tlast": In(1),
            "m_axis_tdata": Out(8 * plan.out_bytes), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1), "frame_error": Out(1)})

    @property
    def module_name(self) -> str:
        return self.plan.name

    def body(self, platform: Any) -> Module:
        m = Module()
        values: dict[str, list[Value]] = {
            "input": [self.s_axis_tdata[k] for k in range(self.plan.inputs)]}
        for layer in self.graph.layers:
            source = values[layer.source]
            values[layer.name] = self._dense(m, layer, source) if isinstance(layer, Dense) else \
                [self._argmax(m, layer.name, source)]
        advance = Signal()
        data: Value = Const(0, 8 * self.plan.out_bytes)
        for field, (_, source) in zip(self.plan.fields, self.graph.outputs, strict=True):
            for k, value in enumerate(values[source]):
                data = data | value[:field.width] << (field.first_bit + k * field.width)
        valid: Value = self.s_axis_tvalid
        for k in range(self.plan.registers):
            data_reg = Signal(8 * self.plan.out_bytes, name=f"data_{k}")
            valid_reg = Signal(name=f"valid_{k}")
            with m.If(advance):
                m.d.sync += [data_reg.eq(data), valid_reg.eq(valid)]
            data, valid = data_reg, valid_reg
        m.d.comb += [
            advance.eq(self.m_axis_tready | ~valid), self.s_axis_tready.eq(advance),
            self.m_axis_tdata.eq(data), self.m_axis_tvalid.eq(valid), self.m_axis_tlast.eq(valid)]
        with m.If(self.s_axis_tvalid & advance & ~self.s_axis_tlast):
            m.d.sync += self.frame_error.eq(1)
        return m

    def _dense(self, m: Module, layer: Dense, x: list[Value]) -> list[Value]:
        """Sums of agreeing bits of each row, then thresholds where there are any."""
        outputs = []
        for row in range(layer.outputs):
            agree = sum((x[k] if bit else ~x[k] & 1 for k, bit in enumerate(layer.weights[0, row])),
                        Const(0, 1))
            acc = Signal(signed(24), name=f"{layer.name}_acc_{row}")
            m.d.comb += acc.eq(agree * layer.coefficients[0] + int(layer.const[row]))
            if layer.thresholds is None:
                outputs.append(acc)
                continue
            limit = int(np.clip(layer.thresholds[row, 0], -(1 << 22), 1 << 22))
            bit = Signal(name=f"{layer.name}_{row}")
            m.d.comb += bit.eq(acc >= limit)
            outputs.append(bit)
        return outputs

    def _argmax(self, m: Module, name: str, scores: list[Value]) -> Value:
        """Index of the largest score, the lowest one on a tie."""
        best, label = scores[0], Const(0, 8)
        for k, score in enumerate(scores[1:], 1):
            larger = Signal(name=f"{name}_larger_{k}")
            m.d.comb += larger.eq(score > best)
            best, label = Array([best, score])[larger], Mux(larger, Const(k, 8), label)
        result = Signal(8, name=name)
        m.d.comb += result.eq(label)
        return result


@dataclass(frozen=True)
class ToyRun(Run):
    """Result of a simulation, with the measured latency in cycles."""

    latency: int

    def figures(self) -> dict[str, object]:
        return {"latency_cycles": self.latency}

    def lines(self, stalled: bool) -> list[str]:
        return [f"latency: {self.latency} cycles"]


class Toy(Architecture[ToyPlan]):
    """One word in, one word out."""

    name = "toy"
    title = "a small dense network as combinational logic, one frame per cycle"
    Options = ToyOptions
    engines = ("verilator", "pysim")

    def plan(self, graph: Graph, device: Device, goal: Goal, options: ToyOptions | None = None, *,
             hints: Any = None, progress: Any = None) -> ToyPlan:
        for layer in graph.layers:
            if not isinstance(layer, (Dense, ArgMax)) or (not isinstance(
                    layer.input.element, Bits) and isinstance(layer, Dense)):
                raise PlanError("architecture 'toy' only builds dense layers of bits",
                                where=f"layer '{layer.name}' ({layer.kind})")
        registers = 1 if options is None or options.registers is None else options.registers
        if registers < 1:
            raise PlanError(f"{registers} registers were given; at least 1 is needed")
        fields: list[Field] = []
        first = 0
        for name, kind in graph.output_types().items():
            fields.append(Field(name, int(np.prod(kind.shape)), kind.element.width,
                                kind.element.signed, first))
            first += fields[-1].elements * fields[-1].width
        products = sum(layer.weights[0].size for layer in graph.layers if isinstance(layer, Dense))
        return ToyPlan(graph.name, device.name, graph.input.size, products, registers,
                       tuple(fields))

    def elaborate(self, plan: ToyPlan, graph: Graph) -> wiring.Component:
        return ToyCore(plan, graph)

    def load_plan(self, data: dict[str, Any]) -> ToyPlan:
        return ToyPlan(**{**data, "fields": tuple(Field(**field) for field in data["fields"])})

    def describe(self, plan: ToyPlan) -> Rows:
        return Rows(
            f"{plan.name}: toy on {plan.device}", ("part", "products per cycle"),
            (("logic", plan.products),), f"1 cycle per frame, latency {plan.latency}", 1,
            parts=(Part("logic", "toy", plan.products),),
            header=(f"{plan.products} products in combinational logic",),
            manifest={"layers": [{"unit": "logic", "products": plan.products}]},
            summary={"cycles_per_frame": 1, "target_cycles_per_frame": 1,
                     "latency_cycles": plan.latency})

    def core(self, design: Generated) -> StreamCore:
        plan: ToyPlan = design.plan
        return StreamCore(plan.name, design.verilog, lambda: ToyCore(plan, design.graph),
                          Port(plan.in_bytes, 1), Port(plan.out_bytes, 1), plan.latency + 1)

    def simulate(self, design: Generated, x: np.ndarray, engine: Engine, stalls: Stalls,
                 progress: Progress | None) -> ToyRun:
        plan: ToyPlan = design.plan
        words = np.packbits(x.reshape(len(x), -1).astype(np.uint8), axis=1, bitorder="little")
        trace = engine.run(self.core(design), words, len(x), stalls, progress)
        if not trace.complete or trace.frame_error:
            raise MismatchError("the toy core broke the protocol of its streams")
        bits = np.unpackbits(trace.words, axis=1, bitorder="little").astype(np.int64)
        outputs = {}
        for field in plan.fields:
            part = bits[:, field.first_bit:][:, :field.elements * field.width]
            value = part.reshape(len(x), field.elements, field.width) @ (
                1 << np.arange(field.width))
            if field.signed:
                sign = 1 << (field.width - 1)
                value = (value ^ sign) - sign
            shape = design.graph.output_types()[field.name].shape
            outputs[field.name] = value.reshape(len(x), *shape)
        return ToyRun(outputs, trace.cycles, int(trace.out_cycles[0] - trace.in_cycles[0]))
