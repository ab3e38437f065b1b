"""Tests SPRAM as a resource: which ROMs it stores, how many fit, and the image that is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bnnhw.arch.streaming import SLOWEST
from bnnhw.board_planning.device_share import usual_share, with_host_link
from bnnhw.board_planning.planner import planner_of
from bnnhw.config.hints import LayerHint
from bnnhw.dataflow.units import MvtuParams
from bnnhw.emit.board import design_board
from bnnhw.emit.design import Design, load_design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError, PlanError
from bnnhw.families import get_device, sprams
from bnnhw.importers.network import Network, load_network
from bnnhw.plan import Goal
from bnnhw.plan.image import loaded_memories, weight_image
from bnnhw.plan.resources import fastest_fit, resources
from bnnhw.platforms import get_board
from tests.cli.inside import run_inside as bnnhw
from tests.networks import random_graph

SFC = ("name: sfc\ninput: {shape: [784], type: bits}\nweights: random\nlayers:\n"
       "- {dense: 256, name: fc0}\n- {dense: 256, name: fc1}\n- {dense: 256, name: fc2}\n"
       "- {dense: 10, output: scores}\n- argmax\n")
UP5K = get_device("up5k")


def forced(device: str = "up5k") -> Design:
    graph = random_graph([50, 14, 9, 6], seed=5)
    hints = {"fc0": LayerHint(3, 8, "spram"), "fc2": LayerHint(1, 3, "spram")}
    return generate(Network(graph, hints, ()), "streaming", get_device(device), Goal())


def _weight_words(design: Design, name: str) -> list[int]:
    unit = design.plan.unit(name)
    return unit.params.contents(unit.params.constants(design.graph, unit.layer), "weights")


def test_sizes() -> None:
    assert [sprams(*size) for size in ((2, 1), (16384, 16), (16385, 16), (100, 17), (40000, 33))] \
        == [1, 1, 2, 2, 9]


def test_a_large_network_fits_with_spram(tmp_path: Path) -> None:
    path = tmp_path / "sfc.yaml"
    path.write_text(SFC)
    result = bnnhw("plan", str(path), "--device", "up5k", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout)
    found = plan["resources"]
    assert found["excess"] == {}
    assert 1 <= found["available"]["spram_used"] <= 4
    # SPRAM reads 64 bits per cycle, so the first layer alone takes 3,136 cycles.
    assert plan["cycles_per_frame"] < 4400
    shown = bnnhw("plan", str(path), "--device", "up5k")
    assert "bits are loaded at start-up" in shown.stdout
    # A board with the same target and its host link gets the same plan.
    network = load_network(path)
    planner = with_host_link(lambda part: planner_of(network, "streaming", part), UP5K,
                             usual_share(UP5K))
    again = planner(plan["target_cycles_per_frame"])
    assert json.loads(json.dumps(again.to_json())) == plan["plan"]
    loaded = loaded_memories(again)
    assert sum(sprams(m.depth, m.width) for m in loaded) == found["available"]["spram_used"]


def test_spram_takes_the_same_cycles_as_block_ram() -> None:
    graph = random_graph([60, 20, 12, 5], seed=8)

    def timing(memory: str) -> tuple[int, int]:
        hints = {"fc0": LayerHint(4, 5, memory), "fc1": LayerHint(2, 4, memory)}
        plan = generate(Network(graph, hints, ()), "streaming", UP5K, Goal()).plan
        assert {u.params.weight_memory for u in plan.units
                if isinstance(u.params, MvtuParams)} >= {memory}
        return plan.ii, plan.latency

    assert timing("spram") == timing("block")


def test_nothing_is_loaded_if_block_ram_is_enough(tmp_path: Path) -> None:
    graph = random_graph([60, 20, 12, 5], seed=8)
    design = generate(Network(graph, {}, ()), "streaming", UP5K, Goal())
    assert design.image is None
    assert "load" not in design.manifest("x.v")
    assert "load_valid" not in design.verilog
    assert set(design.files(tmp_path / "x.v")) == {tmp_path / "x.v", tmp_path / "x.json"}


def test_the_image_contains_the_weights(tmp_path: Path) -> None:
    design = forced()
    image = weight_image(design.plan, design.graph)
    assert image is not None
    assert [(m.unit, m.width) for m in image.memories] == [("fc0", 24), ("fc2", 3)]
    for memory in image.memories:
        first, words = image.first_word(memory.unit), []
        for at in range(memory.depth):
            start = 2 * (first + at * memory.parts)
            words.append(int.from_bytes(image.data[start:start + 2 * memory.parts], "little"))
        assert words == _weight_words(design, memory.unit)
    write_files(design.files(tmp_path / "x.v"))
    assert (tmp_path / "x.weights.bin").read_bytes() == image.data
    document = json.loads((tmp_path / "x.json").read_text())["load"]
    assert document["words"] == image.words == len(image.data) // 2
    assert document["crc32"] == f"{image.crc:08x}"
    assert load_design(tmp_path / "x.json").image == image
    needed = resources(design.plan, UP5K)
    assert needed is not None
    assert needed.total.spram == 3
    assert ("SPRAM", 3, 4) in needed.rows()


def test_too_many_specified_sprams_are_reported() -> None:
    graph = random_graph([50, 40, 30], seed=5)
    hints = {"fc0": LayerHint(5, 10, "spram"), "fc1": LayerHint(5, 10, "spram")}
    plan = generate(Network(graph, hints, ()), "streaming", UP5K, Goal()).plan
    needed = resources(plan, UP5K)
    assert needed is not None
    assert needed.excess() == {"SPRAM": 4}


@pytest.mark.parametrize("device", ["hx8k", "ice40", "generic", "ecp5-25"])
def test_spram_is_rejected_on_parts_without_it(device: str) -> None:
    with pytest.raises(PlanError, match=r"layer 'fc0'.*needs SPRAM.*up5k"):
        forced(device)


def test_spram_is_rejected_for_an_unfolded_layer() -> None:
    graph = random_graph([10, 4], seed=1)
    with pytest.raises(PlanError, match="constants"):
        generate(Network(graph, {"fc0": LayerHint(4, 10, "spram")}, ()), "streaming", UP5K, Goal())


def test_boards_without_a_flash_are_rejected() -> None:
    board = get_board("hx8k_evn")
    with pytest.raises(PlanError, match=r"no flash from which weights .* 'fc0'"):
        design_board(forced(), board, board.make_clock(12), 1_000_000)


def test_narrow_roms_do_not_hide_a_fit(tmp_path: Path) -> None:
    """ROMs of one lane waste most of each 16-bit SPRAM, so the slowest design does not fit."""
    path = tmp_path / "sfc.yaml"
    path.write_text(SFC)
    planner = planner_of(load_network(path), "streaming", UP5K)
    needed = resources(planner(SLOWEST), UP5K)
    assert needed is not None
    assert needed.excess()
    assert fastest_fit(planner, UP5K, SLOWEST).ii < 4400


def test_the_key_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    path.write_text("name: n\ninput: {shape: [8], type: bits}\nweights: random\nlayers:\n"
                    "- {dense: 4, memory: sram, output: scores}\n")
    with pytest.raises(ConfigError, match="spram"):
        load_network(path)
