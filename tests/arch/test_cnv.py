"""FINN's trained CNV: the authors' hardware scores, its folding, and what the solver finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.streaming.units import MvtuPlan
from bnnhw.config.hints import LayerHint
from bnnhw.device import get_device
from bnnhw.emit.design import generate
from bnnhw.frontend.finn_npz import import_finn_npz
from bnnhw.frontend.network import Network
from bnnhw.ir import Graph
from bnnhw.ir.layers import Product
from bnnhw.plan import Plan, Wish
from bnnhw.sim.levels import measure_levels
from bnnhw.sim.simulate import simulate
from bnnhw.sim.stalls import Stalls
from tests.conftest import SHARED

FOLDS = ((16, 3), (32, 32), (16, 32), (16, 32), (4, 32), (1, 32), (1, 4), (1, 8), (4, 1))
"""PE x SIMD of the layers, as the authors built it."""


@pytest.fixture(scope="module")
def cnv() -> Graph:
    path = SHARED / "cnvW1A1.npz"
    if not path.exists():
        pytest.skip("cnvW1A1.npz is not on this machine (../shared/data)")
    return import_finn_npz(path, "cnv", argmax=True).graph


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Four pictures, and the ten scores of each that the authors' FPGA printed."""
    path: Path = SHARED / "cnvW1A1_hardware_scores.npz"
    if not path.exists():
        pytest.skip("cnvW1A1_hardware_scores.npz is not on this machine (../shared/data)")
    with np.load(path) as arrays:
        return arrays["x8"], arrays["scores"]


def hand_folded(graph: Graph) -> dict[str, LayerHint]:
    names = [layer.name for layer in graph.layers if isinstance(layer, Product)]
    return {name: LayerHint(*fold) for name, fold in zip(names, FOLDS, strict=True)}


def lanes(plan: Plan) -> int:
    """XNOR lanes of a plan."""
    return sum(unit.pe * unit.simd for unit in plan.units if isinstance(unit, MvtuPlan))


@pytest.mark.parametrize("level", ["reference", "fast", "packed"])
def test_golden_gives_the_scores_of_the_authors(cnv: Graph, level: str,
                                                pictures: tuple[np.ndarray, np.ndarray]) -> None:
    x, scores = pictures
    assert (golden.run(cnv, x, level)["scores"] == scores).all()


def test_folding_of_the_authors_and_of_the_solver(cnv: Graph) -> None:
    """32,768 cycles a frame with theirs; the solver is as fast with no more lanes."""
    planner = get_arch("streaming").plan
    theirs = planner(cnv, hand_folded(cnv), get_device("ecp5-85"), Wish(ii=32768))
    assert theirs.ii <= 32768
    ours = planner(cnv, {}, get_device("ecp5-85"), Wish(ii=theirs.ii))
    assert ours.ii <= theirs.ii
    assert lanes(ours) <= lanes(theirs) == 2272


def simulated(cnv: Graph, hints: dict[str, LayerHint], ii: int,
              pictures: tuple[np.ndarray, np.ndarray]) -> None:
    x, scores = pictures
    design = generate(Network(cnv, hints, ()), "streaming", get_device("ecp5-85"), Wish(ii=ii))
    run = simulate(design, x)
    assert (run.outputs["scores"] == scores).all()
    assert (run.outputs["label"] == scores.argmax(axis=1)).all()
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
    run = simulate(design, x, stalls=Stalls(0.3, 0.3, 5))
    assert (run.outputs["scores"] == scores).all()


def test_verilog_gives_the_scores_of_the_authors(cnv: Graph,
                                                 pictures: tuple[np.ndarray, np.ndarray]) -> None:
    """All 40, at a fold that compiles quickly."""
    simulated(cnv, {}, 1_200_000, pictures)


@pytest.mark.long
def test_full_speed_gives_the_scores_of_the_authors(cnv: Graph,
                                                    pictures: tuple[np.ndarray, np.ndarray],
                                                    ) -> None:
    """All 40 at 32,768 cycles a frame, and buffers that hold what was computed."""
    simulated(cnv, hand_folded(cnv), 32768, pictures)
    design = generate(Network(cnv, hand_folded(cnv), ()), "streaming", get_device("ecp5-85"),
                      Wish(ii=32768))
    x = np.concatenate([pictures[0]] * 3)
    for level in measure_levels(design, x):
        assert max(level.even, level.rushed) <= level.depth


def test_units_stay_within_the_frame(cnv: Graph) -> None:
    plan = get_arch("streaming").plan(cnv, hand_folded(cnv), get_device("ecp5-85"),
                                      Wish(ii=32768))
    assert max(unit.cycles for unit in plan.units) == plan.ii
