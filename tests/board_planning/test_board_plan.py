"""Tests that a goal in frames per second raises the clock of a board if needed."""

from __future__ import annotations

import pytest

from bnnhw.board_planning import plan_for
from bnnhw.errors import FitError
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.platforms import get_board
from tests.networks import random_graph

BOARD = get_board("icebreaker")


@pytest.fixture(scope="module")
def network() -> Network:
    """A network of which no faster plan fits the part, not even without a reserve for routing."""
    return Network(random_graph([256, 80, 64, 10], seed=1), {}, ())


@pytest.fixture(scope="module")
def cycles(network: Network) -> int:
    """Cycles per frame of the fastest plan that fits."""
    return plan_for(BOARD, network, fit=True).plan.ii


def test_a_rate_within_reach_keeps_the_clock_of_the_board(network: Network) -> None:
    planned = plan_for(BOARD, network, Goal(fps=2_000))
    assert planned.clock == BOARD.make_clock(BOARD.clock_mhz)
    assert planned.clock.hz / planned.plan.ii >= 2_000


@pytest.mark.parametrize("mhz", [25, 29.9])
def test_the_clock_is_raised_as_far_as_a_rate_needs(network: Network, cycles: int,
                                                    mhz: float) -> None:
    fps = mhz * 1e6 / cycles
    planned = plan_for(BOARD, network, Goal(fps=fps))
    assert fps * cycles <= planned.clock.hz <= 1.05 * fps * cycles
    assert planned.clock.hz / planned.plan.ii >= fps


def test_a_clock_that_designs_do_not_reach_is_refused(network: Network, cycles: int) -> None:
    with pytest.raises(FitError, match=f"needs 40.0 MHz .* that fits takes {cycles} cycles"):
        plan_for(BOARD, network, Goal(fps=40e6 / cycles))


def test_a_given_clock_overrides_the_limit(network: Network, cycles: int) -> None:
    planned = plan_for(BOARD, network, Goal(fps=40e6 / cycles), clock_mhz=41)
    assert planned.clock.mhz > BOARD.fastest_mhz
    assert planned.clock.hz / planned.plan.ii >= 40e6 / cycles
