"""Plans of programming a board, and the choice of samples, as functions of the library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bnnhw.api import flashing
from bnnhw.api.flashing import plan_flash
from bnnhw.api.opening import open_graph
from bnnhw.api.samples import RANDOM_COUNT, choose_samples
from bnnhw.errors import ConfigError
from bnnhw.platforms import get_board
from bnnhw.tools.program import Programming
from tests.tools.boards import of_board


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "board.json").write_text(json.dumps({"board": "icebreaker"}))
    (tmp_path / "board.bin").write_bytes(of_board(get_board("icebreaker")))
    return tmp_path


@pytest.mark.parametrize("persistent", [False, True])
def test_flash_is_overwritten_only_if_persistent(folder: Path, persistent: bool) -> None:
    plan = plan_flash(folder, persistent=persistent)
    assert plan.writes == (plan.bitstream,)
    assert plan.overwrites_flash == persistent
    assert bool(plan.notes) != persistent  # jumpers are needed for volatile programming only


def test_all_writes_are_executed_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executed: list[tuple[Programming, str | None]] = []
    monkeypatch.setattr(flashing, "program", lambda plan, usb: executed.append((plan, usb)))
    found = plan_flash(folder, usb="1:4")
    weights = plan_flash(folder, persistent=True).bitstream
    plan = flashing.FlashPlan(found.bitstream, weights, "1:4")
    plan.execute()
    assert plan.overwrites_flash
    assert executed == [(weights, "1:4"), (found.bitstream, "1:4")]


def test_samples_of_a_network_without_data_are_random() -> None:
    graph = open_graph("mnist_tfc")
    found = choose_samples("mnist_tfc", graph, random=True)
    assert found.x.shape == (RANDOM_COUNT, *graph.input.shape)
    assert (choose_samples("mnist_tfc", graph, 3, random=True).x
            != choose_samples("mnist_tfc", graph, 3, random=True, seed=2).x).any()
    with pytest.raises(ConfigError, match="no true labels; leave out `labels=`"):
        choose_samples("mnist_tfc", graph, 3, random=True, labels=True)
