"""Tests FINN's trained CNV network: its scores, its published folding and the solver's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import LayerHint
from bnnhw.dataflow.units import MvtuParams
from bnnhw.emit.generate import generate
from bnnhw.errors import BnnhwError
from bnnhw.families import get_device
from bnnhw.importers.finn_npz import import_finn_npz
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.plan import Goal, Plan
from bnnhw.sim.levels import measure_levels
from bnnhw.sim.simulate import simulate
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
    return sum(unit.params.pe * unit.params.simd for unit in plan.units
               if isinstance(unit.params, MvtuParams))


@pytest.mark.parametrize("level", ["reference", "fast", "packed"])
def test_golden_gives_the_scores_of_the_authors(cnv: Graph, level: str,
                                                pictures: tuple[np.ndarray, np.ndarray]) -> None:
    x, scores = pictures
    assert (golden.run(cnv, x, level)["scores"] == scores).all()


def test_folding_of_the_authors_and_of_the_solver(cnv: Graph) -> None:
    """32,768 cycles per frame with theirs; the solver is as fast with no more lanes."""
    planner = get_arch("streaming").plan
    theirs = planner(cnv, get_device("ecp5-85"), Goal(target_cycles=32768), hints=hand_folded(cnv))
    assert theirs.ii <= 32768
    ours = planner(cnv, get_device("ecp5-85"), Goal(target_cycles=theirs.ii))
    assert ours.ii <= theirs.ii
    assert lanes(ours) <= lanes(theirs) == 2272


def simulated(cnv: Graph, hints: dict[str, LayerHint], ii: int,
              pictures: tuple[np.ndarray, np.ndarray]) -> None:
    x, scores = pictures
    design = generate(Network(cnv, hints, ()), "streaming", get_device("ecp5-85"),
                      Goal(target_cycles=ii))
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
    """All 40 at 32,768 cycles per frame, and buffers that hold what was computed."""
    simulated(cnv, hand_folded(cnv), 32768, pictures)
    design = generate(Network(cnv, hand_folded(cnv), ()), "streaming", get_device("ecp5-85"),
                      Goal(target_cycles=32768))
    x = np.concatenate([pictures[0]] * 3)
    for level in measure_levels(design, x):
        assert max(level.even, level.rushed) <= level.depth


def test_units_stay_within_the_frame(cnv: Graph) -> None:
    plan = get_arch("streaming").plan(cnv, get_device("ecp5-85"), Goal(target_cycles=32768),
                                      hints=hand_folded(cnv))
    assert max(unit.cycles for unit in plan.units) == plan.ii


def test_certificate_counts_sums_and_constants(cnv: Graph) -> None:
    """Signed pixels: a threshold below zero is none that always fires."""
    imported = import_finn_npz(SHARED / "cnvW1A1.npz", "cnv", argmax=False)
    first = imported.certificates[0]
    assert (first.layer, first.points, first.constant) == ("conv0", 27 * 255 + 1, 0)
    assert len(imported.certificates) == 8


def test_broken_files_are_rejected(tmp_path: Path) -> None:
    good = {"w0": np.zeros((2, 4), np.uint8), "t0": np.zeros(2, np.int32),
            "w1": np.zeros((2, 2), np.uint8)}
    layers = [{"kind": "fc", "mw": 4, "mh": 2}, {"kind": "fc", "mw": 2, "mh": 2}]

    def reject(topology: object, match: str, **changes: object) -> None:
        np.savez(tmp_path / "net.npz", topology=np.array(json.dumps(topology)),
                 **{**good, **changes})
        with pytest.raises(BnnhwError, match=match):
            import_finn_npz(tmp_path / "net.npz", "net", argmax=True)

    reject({"layers": []}, "no topology")
    reject({"layers": [{"kind": "lstm"}]}, "no topology")
    reject({"layers": [{**layers[0], "mh": -1}, layers[1]]}, "'mh' is -1")
    reject({"layers": [{**layers[0], "mw": 1 << 20, "mh": 1 << 20}]}, "expected at most 67108864")
    reject({"layers": layers}, "has shape", w1=np.zeros((3, 2), np.uint8))
    reject({"layers": layers}, "different values", w0=np.array([[0, 1, 2, 3]] * 2))
    np.savez(tmp_path / "net.npz", topology=np.array(json.dumps({"layers": layers})), **good)
    graph = import_finn_npz(tmp_path / "net.npz", "net", argmax=True).graph
    assert [layer.kind for layer in graph.layers] == ["dense", "dense", "argmax"]
    with pytest.raises(BnnhwError, match="does not exist"):
        import_finn_npz(tmp_path / "none.npz", "net", argmax=True)
