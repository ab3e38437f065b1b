"""Tests that the integer function of each unit equals its component, and a plan's the network."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.dataflow.params import UNITS
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.timing import Edge, TokenNet, settle
from bnnhw.dataflow.unit import Unit
from bnnhw.emit.generate import plan_network
from bnnhw.families import get_device
from bnnhw.ir import Graph
from bnnhw.plan import Goal, Plan
from bnnhw.plan.frames import decode_frames, encode_frames
from tests.digests.designs import DESIGNS
from tests.importers.yaml_networks import network
from tests.networks import DrawnChoices, examples, random_samples
from tests.rtl.streams import random_stalls, run_stream

STREAMING = {name: case for name, case in DESIGNS.items() if case.arch != "yodann"}
FRAMES = 4


@functools.cache
def made(name: str) -> tuple[Graph, Plan]:
    case = STREAMING[name]
    return plan_network(network(case.layers, case.input, **case.keys), case.arch,
                        get_device(case.device), Goal(**case.goal), **case.options)


def evaluate(plan: Plan, graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Evaluate all units of a plan; return the words of each."""
    packed = encode_frames(plan, graph, x)
    words: dict[str, np.ndarray] = {}
    for unit in plan.units:
        inputs = [words[source.partition(".")[0]] for source in unit.sources] or \
            [plan.i.unpack([int.from_bytes(w.tobytes(), "little") for w in packed])]
        words[unit.name] = unit.params.compute(
            *inputs, constants=unit.params.constants(graph, unit.layer))
        assert words[unit.name].shape == (len(x), unit.o.words, unit.o.lanes), unit.name
    return words


@pytest.mark.parametrize("name", STREAMING)
def test_units_together_compute_the_network(name: str) -> None:
    graph, plan = made(name)
    x = random_samples(graph, FRAMES)
    words = evaluate(plan, graph, x)[plan.units[-1].name]
    packed = [word.to_bytes(plan.o.bytes, "little") for word in plan.o.pack(words)]
    found = decode_frames(plan, graph, np.frombuffer(b"".join(packed), dtype=np.uint8))
    for output, expected in golden.run(graph, x).items():
        assert (found[output] == expected).all(), output


@functools.cache
def components() -> dict[str, tuple[str, Unit]]:
    """Find a small unit of each kind that has one input, and the design that contains it."""
    chosen: dict[str, tuple[str, Unit]] = {}
    for name in ("mlp_integers", "mlp_norm", "mlp_pixels", "conv_parallel", "residual", "segment",
                 "depthwise", "select", "levels", "unrolled_generic", "squeeze", "shuffle",
                 "prelu"):
        for unit in made(name)[1].units:
            if len(unit.sources) < 2 and unit.kind != "fork":
                chosen.setdefault(unit.kind, (name, unit))
    return chosen


@pytest.mark.parametrize("kind", sorted(set(UNITS) - {
    "add", "concat", "fork", "multiply", "sequence", "threshold_search"}))
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_components_equal_their_integer_function(kind: str, stall: float) -> None:
    """The words are equal under stalls, and without them the cycles equal the token model."""
    name, unit = components()[kind]
    graph, plan = made(name)
    x = random_samples(graph, 3)
    words = evaluate(plan, graph, x)
    inside = words[unit.sources[0].partition(".")[0]] if unit.sources else \
        plan.i.to_words(x.reshape(3, -1))
    component = unit.create(graph, "dut")
    packed = unit.i.pack(inside)
    out, cycles = run_stream(component, packed, 3 * unit.o.words, random_stalls(stall))
    assert out == unit.o.pack(words[unit.name])
    block = unit.params.token_model()
    if not stall and block is not None:
        net = TokenNet([block], [Edge(unit.i.words, None, (0, 0)),
                                 Edge(unit.o.words, (0, 0), None)], [unit.name])
        assert cycles == list(settle(net, 3, np.arange(3 * unit.i.words))[1])


@examples(25)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 9), st.booleans(), st.integers(1, 3),
       st.data())
def test_packed_words_are_unpacked_unchanged(elements: int, lanes: int, width: int, signed: bool,
                               groups: int, data: st.DataObject) -> None:
    shape = StreamPlan(elements, lanes, width, signed, groups)
    low = -(1 << width - 1) if signed else 0
    x = DrawnChoices(data.draw).integers(low, low + (1 << width) - 1, (2, shape.size))
    words = shape.to_words(x)
    assert (shape.from_words(shape.unpack(shape.pack(words))).reshape(2, -1) == x).all()
