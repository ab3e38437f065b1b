"""Tests the progress of ``generate``: it increases, and does not change the design."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bnnhw.emit.generate import generate
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from tests.networks import random_graph


class Progress:
    """Records the reported stages and fractions, in order."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.fractions: list[float] = []

    def __call__(self, title: str) -> Callable[[float], None]:
        self.titles.append(title)
        return self.fractions.append


def test_the_search_of_unrolled_layers_reports_progress() -> None:
    network, progress = Network(random_graph([30, 12, 6], seed=4), {}, ()), Progress()
    ecp5 = get_device("ecp5")
    design = generate(network, "unrolled", ecp5, Goal(), progress, cuts=0)
    assert progress.titles == ["search for shared sums", "prove and write Verilog"]
    assert progress.fractions == sorted(set(progress.fractions))
    assert progress.fractions[0] > 0
    assert progress.fractions[-1] == pytest.approx(1)
    assert generate(network, "unrolled", ecp5, Goal(), cuts=0).verilog == design.verilog


def test_streaming_reports_no_search() -> None:
    progress = Progress()
    generate(Network(random_graph([30, 12, 6], seed=4), {}, ()), "streaming", get_device("generic"),
             Goal(target_cycles=12), progress)
    assert progress.titles == ["prove and write Verilog"]


def test_an_impossible_goal_reports_no_progress() -> None:
    progress = Progress()
    with pytest.raises(PlanError):
        generate(Network(random_graph([30, 12, 6], seed=4), {}, ()), "unrolled",
                 get_device("ecp5"), Goal(), progress, cuts=-1)
    assert not progress.titles
