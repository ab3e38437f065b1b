"""Tests retries, FPGA shares and clocks of builds after a design was too large."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import bnnhw
from bnnhw.board_planning import BoardPlan, build_smaller, plan_for
from bnnhw.board_planning.board_plan import plan_smaller
from bnnhw.board_planning.clock_advice import recommended_mhz
from bnnhw.board_planning.device_share import fits_share, remaining_device, usual_share
from bnnhw.emit.board import link_cost
from bnnhw.errors import FitError, PlanError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.plan.resources import resources
from bnnhw.platforms import get_board
from tests.networks import random_graph

BOARD = get_board("icebreaker")
LUTS = FitError("the design needs 5,425 ICESTORM_LC, and the part has 5,280")
MEMORY = FitError("the design needs 40 ICESTORM_RAM, and the part has 30")
BUILDS = {row["name"]: row for row in json.loads(
    (Path(__file__).parents[2] / "bench" / "boards.json").read_text())["builds"]}


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(random_graph([256, 64, 64, 10], seed=1), {}, ())


@pytest.fixture(scope="module")
def fastest(network: Network) -> BoardPlan:
    return plan_for(BOARD, network, fit=True)


def used_luts(planned: BoardPlan) -> float:
    """Estimated LUTs of a plan and its host link."""
    device = get_device(BOARD.device)
    needed = resources(planned.plan, device)
    assert needed is not None
    return needed.total.lut + link_cost(planned.plan, device).lut


def test_the_fastest_plan_stays_within_the_usual_share(fastest: BoardPlan) -> None:
    assert fastest.share == (0.85, 0.95)
    assert used_luts(fastest) <= 0.85 * 5280
    assert fastest.clock.hz == BOARD.make_clock(18).hz
    assert fastest.too_large == ()


def test_the_next_plan_is_smaller_in_what_was_short(fastest: BoardPlan) -> None:
    smaller = plan_smaller(fastest, LUTS)
    assert smaller.share == pytest.approx((0.88 * min(0.85, used_luts(fastest) / 5280), 0.95))
    assert smaller.plan.ii > fastest.plan.ii
    assert smaller.too_large == (fastest.plan,)
    assert smaller.clock == fastest.clock
    less_memory = plan_smaller(fastest, MEMORY)
    assert less_memory.share == pytest.approx((0.85, 0.88 * 0.95))
    assert fits_share(less_memory.plan, BOARD.planned_device, less_memory.share)


def test_a_goal_is_never_planned_smaller(network: Network) -> None:
    planned = plan_for(BOARD, network, Goal(target_cycles=2000))
    assert planned.plan.ii <= 2000
    for before, error in ((planned, LUTS), (replace(planned, share=(0.85, 0.1)), MEMORY)):
        with pytest.raises(FitError) as caught:
            plan_smaller(before, error)
        assert caught.value is error
    builds: list[BoardPlan] = []

    def build(plan: BoardPlan) -> None:
        builds.append(plan)
        raise LUTS

    attempts: list[int] = []
    with pytest.raises(FitError, match="5,425"):
        build_smaller(planned, build, attempts.append)
    assert builds == [planned]
    assert not attempts


def test_four_builds_at_most_each_of_a_smaller_plan(fastest: BoardPlan) -> None:
    builds: list[BoardPlan] = []
    attempts: list[int] = []

    def build(plan: BoardPlan) -> None:
        builds.append(plan)
        raise LUTS

    with pytest.raises(FitError) as caught:
        build_smaller(fastest, build, attempts.append)
    assert caught.value is LUTS
    assert attempts == [1, 2, 3]
    cycles = [planned.plan.ii for planned in builds]
    assert len(cycles) == 4
    assert cycles == sorted(set(cycles))
    assert builds[3].too_large == tuple(planned.plan for planned in builds[:3])


def test_the_first_build_that_fits_is_returned(fastest: BoardPlan) -> None:
    def build(plan: BoardPlan) -> str:
        if not plan.too_large:
            raise LUTS
        return "bitstream"

    plan, built = build_smaller(fastest, build)
    assert built == "bitstream"
    assert plan.too_large == (fastest.plan,)


def test_the_clock_is_made_once(network: Network) -> None:
    planned = plan_for(BOARD, network, Goal(target_cycles=2000), clock_mhz=20)
    assert planned.clock == BOARD.make_clock(20)
    assert planned.clock.mhz == pytest.approx(planned.clock.hz / 1e6)
    with pytest.raises(PlanError, match="cannot make a clock of 5 MHz"):
        plan_for(BOARD, network, clock_mhz=5)


def test_too_fast_a_goal_names_what_fits(network: Network) -> None:
    with pytest.raises(FitError, match=r"does not fit 1BitSquared iCEBreaker.*LUT4.*too many\).*; "
                                       r"`fit=True` fits, with \d+ cycles per frame"):
        plan_for(BOARD, network, Goal(target_cycles=2))


@pytest.mark.parametrize(("build", "board", "error"), [
    ("mnist-ecp5", "ulx3s_85f", 0.03), ("mnist-gowin", "tang_nano_9k", 0.05)])
def test_the_estimate_of_the_host_link_meets_builds(build: str, board: str,
                                                    error: float) -> None:
    """LUTs of the link after place and route, of the shipped network at 256 cycles per frame."""
    plan = bnnhw.generate("mnist_tfc", device=get_board(board).device, ii=256).plan
    cost = link_cost(plan, get_device(plan.device))
    assert BUILDS[build]["cycles"] == plan.ii
    assert cost.lut == pytest.approx(BUILDS[build]["link_lut"], rel=error)


def test_the_remaining_device_is_the_share_without_the_link(fastest: BoardPlan) -> None:
    device = BOARD.planned_device
    link = link_cost(fastest.plan, device)
    left = remaining_device(fastest.plan, device, (0.5, 0.4)).budget
    assert left is not None
    assert (left.luts, left.ffs) == (int(2640 - link.lut), int(2640 - link.lut))
    assert left.blocks == 12 - link.block
    assert remaining_device(fastest.plan, get_device("ice40"), (0.5, 0.4)) == get_device("ice40")


def test_a_board_without_a_flash_has_no_loadable_memory() -> None:
    assert BOARD.planned_device.budget.spram == 4  # type: ignore[union-attr]
    without = replace(BOARD, pins=replace(BOARD.pins, flash=None)).planned_device
    assert without.budget == replace(get_device("up5k").budget, spram=0)  # type: ignore[type-var]
    assert usual_share(without) == (0.85, 0.95)


def test_recommended_clocks_can_be_made_and_keep_the_line() -> None:
    assert recommended_mhz(BOARD, 1_000_000, 36.9) == 36
    assert recommended_mhz(BOARD, 1_000_000, 15.9) == 12  # the oscillator: the PLL begins at 16
    assert recommended_mhz(BOARD, 1_000_000, 11.9) == 0
    assert recommended_mhz(BOARD, 5_000_000, 36.9) == 35  # 36 MHz / 7 is 2.9 % off
