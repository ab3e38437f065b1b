"""Tests streaming designs with weights of several bits, from files to Verilog: equal to golden."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import LayerHint
from bnnhw.dataflow.units import MvtuParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate, plan_network
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.ir import Graph, Int, TensorType
from bnnhw.layers import Dense
from bnnhw.plan import Goal
from bnnhw.plan.image import weight_image
from bnnhw.sim.simulate import simulate
from tests.cli.inside import run_inside
from tests.importers.yaml_networks import network
from tests.networks import random_samples

PIXELS: dict[str, Any] = {"shape": [5, 5, 2], "type": "uint8"}
CODES: dict[str, Any] = {"shape": [10], "type": "int8"}
BITS: dict[str, Any] = {"shape": [24], "type": "bits"}

LEVELS: dict[str, tuple[int, ...]] = {
    "ternary": (-1, 0, 1), "2 bits": (-2, -1, 0, 1), "3 bits": tuple(range(-3, 4)),
    "4 bits": tuple(range(-8, 8)), "8 bits": tuple(range(-127, 128)),
    "DoReFa": (-3, -1, 1, 3), "two scales": (-5, -2, 0, 2, 5)}


def bits_of(levels: tuple[int, ...]) -> int:
    """Bits of two's complement that fit all levels, at least 2."""
    return max(2, max((-v - 1 if v < 0 else v).bit_length() for v in levels) + 1)


def few_bits(layers: list[Any], input_: dict[str, Any], levels: tuple[int, ...],
             seed: int = 0, **keys: Any) -> Network:
    """A network whose product layers have random weights of these levels."""
    random = np.random.default_rng(seed)
    items = [dict(item) if isinstance(item, dict) else item for item in layers]
    arrays: dict[str, np.ndarray] = {}
    shape = tuple(input_["shape"])
    for k, item in enumerate(items):
        kind = "" if not isinstance(item, dict) else \
            next((kind for kind in ("dense", "conv", "depthwise") if kind in item), "")
        if not kind:
            continue
        item.update(name=f"p{k}", weight_bits=bits_of(levels))
        groups = item.get("groups", 1)
        outputs = shape[-1] if kind == "depthwise" else item[kind]
        kernel = item.get("kernel", item.get("depthwise"))
        if kind == "dense":
            taps: tuple[int, ...] = (int(np.prod(shape)),)
        else:
            taps = (kernel, kernel, 1 if kind == "depthwise" else shape[-1] // groups)
            edge = 0 if item.get("pad") == "same" else kernel - 1
        weights = random.choice(levels, (outputs, *taps))
        weights.flat[0], weights.flat[1] = min(levels), max(levels)
        arrays[f"p{k}.weights"] = weights
        if item.get("output") != "scores":
            count = item.get("levels", 1)
            spread = max(abs(v) for v in levels) * int(np.prod(taps)) // 2 + 2
            arrays[f"p{k}.thresholds"] = np.sort(
                random.integers(-spread, spread, (outputs, count)), axis=1)
        shape = (outputs,) if kind == "dense" else (shape[0] - edge, shape[1] - edge, outputs)
    return network(items, input_, arrays, **keys)


def design_of(net: Network, device: str = "ecp5", **goal: Any) -> Design:
    """The design without files."""
    graph, plan = plan_network(net, "streaming", get_device(device), Goal(**goal))
    return Design(graph, plan, "")


def units_of(design: Design) -> list[MvtuParams]:
    return [u.params for u in design.plan.units if isinstance(u.params, MvtuParams)]


def assert_equal(design: Design, graph: Graph, count: int, engine: str = "pysim",
                 stalls: Stalls | None = None) -> None:
    x = random_samples(graph, count)
    run = simulate(design, x, engine, stalls) if stalls else simulate(design, x, engine)
    assert count_mismatches(graph.compute(x), run.outputs) == 0
    if stalls is None:
        assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)


MLP: list[Any] = [{"dense": 6, "levels": 3}, {"dense": 5}, {"dense": 3, "output": "scores"},
                  "argmax"]


@pytest.mark.parametrize("name", LEVELS)
def test_any_levels(name: str) -> None:
    """Weights of all forms, on an integer input of 8 bits and activations of 2 bits."""
    design = design_of(few_bits(MLP, CODES, LEVELS[name]), target_cycles=20)
    assert design.plan.ii <= 20
    assert_equal(design, design.graph, 3, stalls=Stalls(0.4, 0.4, 1))


@pytest.mark.long
@pytest.mark.parametrize("cycles", [20, 400])
@pytest.mark.parametrize("name", LEVELS)
def test_cycles_of_any_levels(name: str, cycles: int) -> None:
    """Outputs, cycles per frame and latency, also where planes follow one another."""
    design = design_of(few_bits(MLP, CODES, LEVELS[name]), target_cycles=cycles)
    assert_equal(design, design.graph, len(design.plan.units) + 3)


@pytest.mark.parametrize(("scales", "coefficients"), [
    ((3, 7), (5, 2)), ((1,), (11, 5)), ((2, 3), (1, 2))],
    ids=["bases of weights and activations", "residual levels", "bases of weights"])
@pytest.mark.parametrize("cycles", [10, 200])
def test_coefficients_that_are_no_powers_of_two(scales: tuple[int, ...],
                                                coefficients: tuple[int, ...],
                                                cycles: int) -> None:
    """ABC-Net's bases and ReBNet's levels: every plane has its own integer."""
    random = np.random.default_rng(7)
    weights = random.integers(0, 2, (len(scales), 5, 9), dtype=np.uint8)
    top = sum(scales) * sum(coefficients) * 9
    layer = Dense("d", "input", TensorType((9,), Int(0, 3)), weights, coefficients,
                  random.integers(-9, 9, 5), random.integers(0, top, (5, 1)), scales=scales)
    graph = Graph("net", layer.input, (layer,), (("y", "d"),))
    design = design_of(Network(graph, {}, ()), target_cycles=cycles)
    assert_equal(design, graph, 6)
    assert_equal(design, graph, 3, stalls=Stalls(0.4, 0.4, 1))


def test_slow_designs_compute_planes_one_after_another() -> None:
    design = design_of(few_bits(MLP, CODES, LEVELS["8 bits"]), target_cycles=4000)
    first = units_of(design)[0]
    assert first.serial or first.serial_weights
    assert first.cycles == first.sf * first.nf * first.planes
    assert first.planes in (7, 8, 7 * 8)


MAPS: dict[str, list[Any]] = {
    "padded": [{"conv": 3, "kernel": 3, "pad": "same", "levels": 3}],
    "grouped": [{"conv": 4, "kernel": 3, "pad": "same", "levels": 3},
                {"conv": 4, "kernel": 3, "groups": 2}],
    "depthwise": [{"conv": 4, "kernel": 3, "levels": 3}, {"depthwise": 3, "levels": 3},
                  {"conv": 6, "kernel": 1}],
    "exact zeros": [{"conv": 4, "kernel": 3}, {"conv": 4, "kernel": 3, "pad": "same",
                                                  "pad_value": "zero"}],
}


@pytest.mark.parametrize(("levels", "cycles"), [("ternary", 2000), ("3 bits", 700),
                                                ("DoReFa", 700)])
@pytest.mark.parametrize("name", MAPS)
def test_convolutions(name: str, levels: str, cycles: int) -> None:
    layers = [*MAPS[name], "flatten", {"dense": 2, "output": "scores"}]
    net = few_bits(layers, PIXELS, LEVELS[levels])
    design = design_of(net, target_cycles=cycles)
    assert_equal(design, design.graph, 2, stalls=Stalls(0.3, 0.3, 2))


@pytest.mark.parametrize("device", ["ecp5", pytest.param("ice40", marks=pytest.mark.long)])
def test_mlp_of_2_bits_in_verilog(device: str) -> None:
    """W2A2: generated Verilog in Verilator, with the planned cycles."""
    net = few_bits(MLP, BITS, LEVELS["2 bits"], seed=3)
    design = generate(net, "streaming", get_device(device), Goal(target_cycles=60))
    assert_equal(design, design.graph, 300, "verilator")


def test_cnn_with_ternary_weights_and_an_8_bit_stem_in_verilog() -> None:
    """The first layer multiplies pixels of 8 bits by weights of 8 bits, all others are ternary."""
    layers = [{"conv": 6, "kernel": 3, "pad": "same", "levels": 3},
              {"conv": 6, "kernel": 3, "levels": 3}, "flatten", {"dense": 4, "output": "scores"},
              "argmax"]
    stem = few_bits(layers, PIXELS, LEVELS["8 bits"], seed=5).graph
    body = few_bits(layers, PIXELS, LEVELS["ternary"], seed=5)
    graph = Graph("net", body.graph.input, (stem.layers[0], *body.graph.layers[1:]),
                  body.graph.outputs)
    design = generate(Network(graph, {}, ()), "streaming", get_device("ecp5"),
                      Goal(target_cycles=2000))
    assert_equal(design, graph, 60, "verilator")
    assert [unit.word_bits for unit in units_of(design)] == [8, 2, 2]


def test_commands_build_and_simulate(tmp_path: Path) -> None:
    """The Verilog for simulators is exact, and so are the cells that synthesis reads."""
    net = few_bits(MLP, BITS, LEVELS["ternary"], seed=4)
    folder = tmp_path / "net"
    folder.mkdir()
    arrays: dict[str, np.ndarray] = {}
    items = []
    for layer in net.graph.layers:
        item, made = layer.describe()
        items.append({**item, "name": layer.name})
        arrays.update({f"{layer.name}.{key}": value for key, value in made.items()})
    np.savez(folder / "weights.npz", **arrays)
    (folder / "net.yaml").write_text(json.dumps(
        {"name": "net", "input": BITS, "layers": items, "weights": "weights.npz"}))
    np.save(tmp_path / "x.npy", random_samples(net.graph, 50))
    made = run_inside("generate", "net", "--device", "ecp5", "--ii", "80", "-o", "net.v",
                      cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    for options in ((), ("--cells",)):
        ran = run_inside("simulate", "net.json", "--inputs", "x.npy", *options, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr


def test_memory_is_counted_with_all_stored_bits() -> None:
    """Weights of 3 bits with a sign and two magnitudes take three bits of ROM each."""
    design = design_of(few_bits(MLP, BITS, LEVELS["3 bits"]), target_cycles=80)
    for unit in units_of(design):
        roms = [m for m in unit.memories() if m.what == "weights"]
        assert sum(m.depth * m.width for m in roms) == \
            unit.sf * unit.nf * unit.pe * unit.simd * 3


def test_loaded_weights_have_all_stored_bits() -> None:
    """SPRAM and its image: words of PE x SIMD lanes of two bits, and the same cycles."""
    net = few_bits(MLP, BITS, LEVELS["ternary"])
    hints = {"p0": LayerHint(3, 8, "spram"), "p1": LayerHint(1, 5, "spram")}
    design = generate(Network(net.graph, hints, ()), "streaming", get_device("up5k"), Goal())
    image = weight_image(design.plan, design.graph)
    assert image is not None
    assert [memory.width for memory in image.memories] == [3 * 8 * 2, 1 * 5 * 2]
    assert_equal(design, design.graph, 5)


def test_weights_in_luts_next_to_block_ram() -> None:
    """The columns that spill out of block RAM are any bits of a lane."""
    design = design_of(few_bits(MLP, BITS, LEVELS["3 bits"]), target_cycles=80)
    units = [u if u.kind != "mvtu" else replace(u, params=replace(
        u.params, weight_memory="block", weights_in_luts=u.params.weight_width // 2 + 1,
        product_register=True)) for u in design.plan.units]
    spilled = replace(design.plan, units=tuple(
        u if u.kind != "mvtu" else replace(u, params=replace(
            u.params, queue_depth=u.params.free_running_depth)) for u in units))
    x = random_samples(design.graph, 5)
    run = simulate(Design(design.graph, spilled, ""), x, "pysim")
    assert count_mismatches(design.graph.compute(x), run.outputs) == 0
