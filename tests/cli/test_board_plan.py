"""A wished rate chooses the clock of a board where its own is too slow."""

from __future__ import annotations

import pytest

from bnnhw.cli.board_plan import clock_for, plan_for, usual_share
from bnnhw.errors import FitError
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.platforms import get_board
from tests.networks import random_graph

BOARD = get_board("icebreaker")


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(random_graph([784, 64, 64, 64, 10], seed=1), {}, ())


@pytest.fixture(scope="module")
def cycles(network: Network) -> int:
    """The fewest that fit."""
    return plan_for(network, BOARD, "streaming", None, True, 18, usual_share(BOARD)).ii


def test_a_rate_within_reach_keeps_the_clock_of_the_board(network: Network) -> None:
    assert clock_for(network, BOARD, "streaming", 20_000) == BOARD.clock_mhz


@pytest.mark.parametrize("mhz", [25, 29.9])
def test_the_clock_is_raised_as_far_as_a_rate_needs(network: Network, cycles: int,
                                                    mhz: float) -> None:
    fps = mhz * 1e6 / cycles
    clock = clock_for(network, BOARD, "streaming", fps)
    made = BOARD.make_clock(clock).hz
    assert fps * cycles <= made <= 1.05 * fps * cycles
    plan = plan_for(network, BOARD, "streaming", Goal(fps=fps, clock_mhz=made / 1e6), False, clock,
                    usual_share(BOARD))
    assert made / plan.ii >= fps


def test_a_clock_that_designs_do_not_reach_is_refused(network: Network, cycles: int) -> None:
    with pytest.raises(FitError, match=f"needs 40.0 MHz .* {cycles} cycles a frame are the fewest"):
        clock_for(network, BOARD, "streaming", 40e6 / cycles)
