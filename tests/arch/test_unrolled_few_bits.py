"""Tests unrolled designs with weights of several bits: golden, Verilog and cells are equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.unrolled import UnrolledOptions
from bnnhw.arch.unrolled.logic import LogicParams
from bnnhw.emit.design import Design
from bnnhw.emit.verilog import convert
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Graph, Int
from bnnhw.layers import Product
from bnnhw.logic.cse import search
from bnnhw.plan import Goal, Plan
from bnnhw.sim.cells import with_cells
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import load
from tests.networks import SeededChoices, examples, random_samples, samples
from tests.networks.few_bits import few_bit_networks, make_few_bit_network


def unrolled(graph: Graph, device: str, cuts: int = 0) -> Plan:
    plan = get_arch("unrolled").plan(graph, get_device(device), Goal(), UnrolledOptions(cuts))
    assert isinstance(plan, Plan)
    return plan


@examples(12)
@given(st.data(), few_bit_networks(), st.sampled_from(["generic", "ecp5", "ice40", "xc7"]))
def test_any_unrolled_network(data: st.DataObject, graph: Graph, device: str) -> None:
    """The netlists are proven when the units are created; these compute what golden does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "MAX_ATTEMPTS", 3)  # other tests cover the logic of all forms
        plan = unrolled(graph, device, data.draw(st.integers(0, 2)))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    x = data.draw(samples(graph, 3))
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(golden.run(graph, x), run.outputs) == 0


def mlp(bits: int, levels: int) -> list[Any]:
    """Dense layers with integer weights of ``bits`` bits and a label."""
    return [{"dense": 20, "weight_bits": bits, "levels": levels},
            {"dense": 12, "weight_bits": bits, "levels": levels},
            {"dense": 5, "weight_bits": bits, "output": "scores"}, "argmax"]


DESIGNS = {
    "ternary": load(mlp(2, 1), {"shape": [30], "type": "bits"}),
    "W2A2": load(mlp(2, 3), {"shape": [24], "type": "int", "range": [0, 3]}),
    "levels": make_few_bit_network(SeededChoices(1), (18,), ("levels",) * 3, Int(0, 3), 3),
    "bases on a map": make_few_bit_network(SeededChoices(2), (5, 5, 3),
                                           ("masked bases", "bases", "narrow"), Int(-4, 3), 2),
}


@pytest.mark.parametrize(("name", "device"), [
    ("ternary", "ecp5"), ("W2A2", "ice40"), ("levels", "xc7"), ("bases on a map", "ecp5"),
    *(pytest.param(name, device, marks=pytest.mark.long) for name in DESIGNS
      for device in ("ecp5", "ice40", "xc7", "generic", "cells"))])
def test_unrolled_designs(name: str, device: str) -> None:
    """Verilog, and the cells of the device with their vendor's models, with and without stalls."""
    graph = DESIGNS[name]
    x = random_samples(graph, 24, 3)
    expected = golden.run(graph, x)
    plan = unrolled(graph, device, 1)
    core = Design(graph, plan, convert(get_arch("unrolled").elaborate(plan, graph)))
    run = simulate(core, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    cells = simulate(with_cells(core), x, stalls=Stalls(0.3, 0.4, 5))
    assert count_mismatches(expected, cells.outputs) == 0


def test_zero_weights_are_no_synapses() -> None:
    graph = DESIGNS["ternary"]
    unit = next(u.params for u in unrolled(graph, "ecp5").units
                if isinstance(u.params, LogicParams))
    masks = [layer.mask for layer in graph.layers if isinstance(layer, Product)]
    assert unit.synapses == sum(int(mask.any(axis=0).sum()) for mask in masks)
    assert unit.synapses < 0.8 * sum(mask[0].size for mask in masks)
