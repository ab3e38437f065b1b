"""Generating says how far it is, where it takes long, and makes the same whether asked or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bnnhw.device import get_device
from bnnhw.emit.design import generate
from bnnhw.errors import PlanError
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from tests.networks import random_graph


class Told:
    """Stages and fractions, in order."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.fractions: list[float] = []

    def __call__(self, title: str) -> Callable[[float], None]:
        self.titles.append(title)
        return self.fractions.append


def test_unrolled_layers_are_searched_one_after_the_other() -> None:
    network, told = Network(random_graph([30, 12, 6], seed=4), {}, ()), Told()
    ecp5 = get_device("ecp5")
    design = generate(network, "unrolled", ecp5, Goal(cuts=0), told)
    assert told.titles == ["search for shared sums", "prove and write Verilog"]
    assert told.fractions == sorted(set(told.fractions))
    assert told.fractions[0] > 0
    assert told.fractions[-1] == pytest.approx(1)
    assert generate(network, "unrolled", ecp5, Goal(cuts=0)).verilog == design.verilog


def test_streaming_plans_at_once() -> None:
    told = Told()
    generate(Network(random_graph([30, 12, 6], seed=4), {}, ()), "streaming", get_device("generic"),
             Goal(target_cycles=12), told)
    assert told.titles == ["prove and write Verilog"]


def test_what_cannot_be_planned_says_nothing_before() -> None:
    told = Told()
    with pytest.raises(PlanError):
        generate(Network(random_graph([30, 12, 6], seed=4), {}, ()), "unrolled",
                 get_device("ecp5"), Goal(cuts=-1), told)
    assert not told.titles
