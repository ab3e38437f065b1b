"""Tests that a layer kind from one file works from YAML to simulated Verilog.

Everything that the kind ``negate`` needs is defined here: the layer with its item, the hardware
unit, and the lowering from one to the other. No other file knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

import bnnhw
from bnnhw import golden
from bnnhw.arch.streaming import layers as lowerings
from bnnhw.arch.streaming.builder import Builder
from bnnhw.arch.streaming.layers import lowers
from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.dataflow.params import UNITS, Params, register_unit
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block, ReduceBlock
from bnnhw.emit.design import load_design
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError, ModelError, PlanError
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.save import network_files
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import ITEMS, LAYERS, Built, Described, Layer, PackedBits, PackedStep, register
from bnnhw.layers import ArgMax
from bnnhw.rtl.output_register import output_register
from bnnhw.rtl.shared import SharedComponent
from bnnhw.sim.simulate import simulate
from tests.networks import random_samples


class NegateItem(LayerItem):
    """``negate``: every integer with the opposite sign."""

    kind = "negate"

    negate: Literal[True] = True


@dataclass(frozen=True, eq=False)
class Negate(Layer):
    """``y = -x``, elementwise on integers."""

    kind: ClassVar[str] = "negate"
    items = (NegateItem,)

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits):
            raise self.error(f"negates {self.input}, expected integers",
                             "give the layer before it 'sums: true'")

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, Int(-self.input.element.hi, -self.input.element.lo))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return -x[0]

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        return self.compute

    @classmethod
    def build(cls, item: NegateItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type), None

    def describe(self) -> Described:
        return {"negate": True}, {}


@dataclass(frozen=True)
class NegateParams(Params[None]):
    """A negation per lane, and one register."""

    kind: ClassVar[str] = "negate"

    @property
    def cycles(self) -> int:
        return self.i.words

    @property
    def latency(self) -> int:
        return 1

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return self.o.to_words(-self.i.from_words(words[0]))

    def create(self, constants: None = None, module_name: str = "unit") -> NegateUnit:
        return NegateUnit(self, module_name)

    def token_model(self) -> Block:
        return ReduceBlock(self.i.words, 1, 1, self.latency)

    def counted(self) -> tuple[int, int]:
        return self.o.bits, self.o.bits + 1


class NegateUnit(SharedComponent):
    """The component of ``NegateParams``."""

    def __init__(self, params: NegateParams, module_name: str) -> None:
        self.params = params
        super().__init__({"i": In(stream.Signature(params.i.bits)),
                          "o": Out(stream.Signature(params.o.bits))})

    @property
    def module_name(self) -> str:
        return f"negate_{self.params.i.lanes}_{self.params.i.width}_{self.params.o.width}"

    def body(self, platform: Any) -> Module:
        m = Module()
        i, o = self.params.i, self.params.o
        lanes = (self.i.payload.word_select(k, i.width) for k in range(i.lanes))
        numbers = [lane.as_signed() if i.signed else lane for lane in lanes]
        negated = Cat((-number)[:o.width] if len(-number) >= o.width else
                      Cat(-number, *[(-number)[-1]] * (o.width - len(-number)))
                      for number in numbers)
        m.d.comb += self.i.ready.eq(output_register(m, self, self.i.valid, negated))
        return m


def lower_negate(b: Builder, layer: Negate) -> None:
    """Append the unit to a streaming design."""
    source, i = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    element = layer.out_type().element
    o = StreamPlan(i.elements, i.lanes, element.width, element.signed, i.groups)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), NegateParams(i, o)))


class ForgottenItem(LayerItem):
    """``forgotten``: a kind without a lowering."""

    kind = "forgotten"

    forgotten: Literal[True] = True


@dataclass(frozen=True, eq=False)
class Forgotten(Negate):
    """A layer kind without hardware."""

    kind: ClassVar[str] = "forgotten"
    items = (ForgottenItem,)

    def describe(self) -> Described:
        return {"forgotten": True}, {}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Register the toys for one test; this is all that a kind needs."""
    registries: tuple[dict[Any, Any], ...] = (LAYERS, ITEMS, UNITS, lowerings._LOWERINGS)
    saved = [dict(registry) for registry in registries]
    register(Negate)
    register(Forgotten)
    register_unit(NegateParams)
    lowers(Negate)(lower_negate)
    yield
    for registry, entries in zip(registries, saved, strict=True):
        registry.clear()
        registry.update(entries)


YAML = """
name: toy
input: {shape: [3, 3, 2], type: int, bits: 4, signed: true}
weights: random
layers:
  - {conv: 3, kernel: 2, sums: true, name: sums}
  - {negate: true, name: opposite}
  - {threshold: true, levels: 3, name: levels}
  - flatten
  - {dense: 5, sums: true, name: votes}
  - {negate: true, output: scores}
  - argmax
"""


@pytest.fixture
def network(tmp_path: Path) -> Network:
    (tmp_path / "net.yaml").write_text(YAML)
    return load_network(tmp_path)


def test_yaml_and_golden(network: Network) -> None:
    x = random_samples(network.graph, 9)
    values = network.graph.compute_all(x)
    assert (values["opposite"] == -values["sums"]).all()
    assert (values["negate5"] == -values["votes"]).all()
    for level in ("fast", "packed"):
        found = golden.run(network.graph, x, level)
        assert (found["label"] == values["label"]).all()


def test_packed_golden() -> None:
    pytest.importorskip("numba", reason="extra 'fast' is not installed")
    made = bnnhw.Sequential([{"dense": 7}, {"dense": 4, "sums": True}, "negate", "argmax"],
                            input={"shape": [70], "type": "bits"})
    assert golden.compiled.Runner.of(made.graph) is not None
    x = random_samples(made.graph, 30)
    assert (golden.run(made.graph, x, "compiled")["label"] == made.graph.compute(x)["label"]).all()


def test_sequential_is_the_same_network(network: Network) -> None:
    made = bnnhw.Sequential(
        [{"conv": 3, "kernel": 2, "sums": True, "name": "sums"},
         {"negate": True, "name": "opposite"},
         {"threshold": True, "levels": 3, "name": "levels"}, "flatten",
         {"dense": 5, "sums": True, "name": "votes"}, {"negate": True, "output": "scores"},
         "argmax"],
        input={"shape": [3, 3, 2], "type": "int", "bits": 4, "signed": True}, name="toy")
    assert made.graph.digest() == network.graph.digest()
    assert isinstance(made.graph.layers[-1], ArgMax)


def test_saved_networks_load_again(network: Network, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    for name, data in network_files(network).items():
        (folder / name).write_bytes(data)
    assert load_network(folder).graph.digest() == network.graph.digest()
    assert Graph.from_json(network.graph.to_json()).digest() == network.graph.digest()


@pytest.mark.parametrize("target", [9, 60, 500])
def test_hardware_is_bit_exact(network: Network, target: int, tmp_path: Path) -> None:
    design = bnnhw.generate(network, arch="streaming", device="generic", ii=target)
    assert [u.name for u in design.plan.units if u.kind == "negate"] == ["opposite", "negate5"]
    write_files(design.files(tmp_path / "toy.v"))
    loaded = load_design(tmp_path / "toy.json")
    x = random_samples(network.graph, 12)
    run = simulate(loaded, x, "pysim")
    assert count_mismatches(network.graph.compute(x), run.outputs) == 0
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)


def test_wrong_items_name_the_kind() -> None:
    pixels = {"shape": [6], "type": "bits"}
    with pytest.raises(ConfigError, match=r"layers\.1\.colour: unknown key"):
        bnnhw.Sequential([{"dense": 4}, {"negate": True, "colour": 1}], input=pixels)
    with pytest.raises(ModelError, match=r"'negate1' \(negate\): negates 4 bits"):
        bnnhw.Sequential([{"dense": 4}, "negate"], input=pixels)


@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_a_kind_without_a_lowering_raises_by_name(arch: str) -> None:
    made = bnnhw.Sequential([{"dense": 4, "sums": True}, {"forgotten": True, "name": "lost"},
                             "argmax"], input={"shape": [6], "type": "int8"})
    with pytest.raises(PlanError, match=f"'lost'.*'{arch}'.*'forgotten'"):
        bnnhw.generate(made, arch=arch, device="generic")


def test_names_are_registered_once() -> None:
    class Other(Negate):
        pass

    with pytest.raises(ValueError, match="'negate' is already registered by Negate"):
        register(Other)
    Other.kind = "other"
    Other.items = (type("OtherItem", (NegateItem,), {"__doc__": "Another."}),)
    with pytest.raises(ValueError, match="item 'negate' is already registered by NegateItem"):
        register(Other)
