"""Tests that a unit kind without a model raises an error that names kind and model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bnnhw.arch.streaming.layers import check_lowering
from bnnhw.dataflow.params import UNITS, Params, register_unit, unit_class
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import PipelineBlock
from bnnhw.dataflow.unit import Unit
from bnnhw.dataflow.units.fifo import Fifo, FifoParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.layers import Layer
from bnnhw.plan import Goal, Plan
from bnnhw.sim.simulate import simulate
from tests.networks import random_graph, random_samples


@pytest.fixture(autouse=True)
def _same_units_after_each_test() -> Iterator[None]:
    before = dict(UNITS)
    yield
    UNITS.clear()
    UNITS.update(before)


def toy(**parts: Any) -> type[Params[Any]]:
    """Make a unit kind, a FIFO of four words, without the parts that are None."""
    stream = StreamPlan(4, 1)
    fifo = FifoParams(stream, stream, depth=4)

    def create(self: Params[None], constants: None = None, module_name: str = "unit") -> Fifo:
        return fifo.create()

    complete: dict[str, Any] = {
        "kind": "toy", "cycles": property(lambda self: self.i.words),
        "latency": property(lambda self: fifo.latency),
        "compute": lambda self, *words, constants=None: words[0], "create": create,
        "token_model": lambda self: PipelineBlock(self.i.words, 1, fifo.latency, 4), **parts}
    members = {name: part for name, part in complete.items() if part is not None}
    return dataclass(frozen=True)(type("ToyParams", (Params,), members))


@pytest.mark.parametrize(("part", "words"), [
    ("create", "component"), ("token_model", "token model"), ("compute", "integer function"),
    ("latency", "latency"), ("cycles", "cycle count")])
def test_a_unit_without_a_part_is_not_registered(part: str, words: str) -> None:
    with pytest.raises(PlanError, match=rf"unit kind 'toy' has no {words} \({part}\)"):
        register_unit(toy(**{part: None}))
    assert "toy" not in UNITS


def test_a_unit_without_a_cost_is_an_error() -> None:
    """A missing cost model is not counted as 0."""
    params = register_unit(toy())(StreamPlan(4, 1), StreamPlan(4, 1))
    with pytest.raises(PlanError, match="family 'ecp5' has no unit of kind 'toy'"):
        params.cost(get_device("ecp5-25"))
    with pytest.raises(PlanError, match="family 'generic' has no cost model"):
        params.cost(get_device("generic"))


def test_a_unit_needs_one_file_and_one_registration() -> None:
    """A registered unit is stored as JSON and read again, and passes words on in a design."""
    kind = register_unit(toy())
    graph = random_graph([6, 4], seed=1, tail="bits")
    plan = generate(Network(graph, {}, ()), "streaming", get_device("generic"), Goal()).plan
    last = plan.units[-1]
    extra = Unit("toy", None, last.sources, kind(last.i, last.i))
    longer = dataclasses.replace(plan, units=(
        *plan.units[:-1], extra, dataclasses.replace(last, sources=("toy",))))
    assert Plan.from_json(longer.to_json()) == longer
    x = random_samples(graph, 6)
    run = simulate(Design(graph, longer, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency + extra.params.latency


def test_two_units_of_one_name_are_rejected() -> None:
    register_unit(toy())
    with pytest.raises(PlanError, match="two classes of units are called 'toy'"):
        register_unit(toy())


def test_an_unknown_kind_is_rejected() -> None:
    with pytest.raises(PlanError, match=r"unknown kind of unit 'toy'.*mvtu"):
        unit_class("toy")


def test_constants_are_required_by_name() -> None:
    stream = StreamPlan(4, 4)
    with pytest.raises(ValueError, match="kind 'select' needs its constants"):
        UNITS["select"](stream, stream).create()
    with pytest.raises(ValueError, match="kind 'select' needs its constants"):
        UNITS["select"](stream, stream).compute(np.zeros((1, 1, 4)))


def test_a_layer_without_a_lowering_is_an_error() -> None:
    toy_layer = type("Toy", (Layer,), {"kind": "toy", "name": "t", **dict.fromkeys(
        Layer.__abstractmethods__)})
    with pytest.raises(PlanError, match="'streaming' has no lowering for layers of kind 'toy'"):
        check_lowering(object.__new__(toy_layer), "streaming")
