"""Tests networks on the YodaNN core: all layers, and all divisions into jobs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.yodann import YodannOptions, YodannPlan, in_software, planning, run_network
from bnnhw.arch.yodann.planes import channel_planes
from bnnhw.cli.app import app
from bnnhw.config.hints import Hints
from bnnhw.emit.design import Design, load_design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import generate
from bnnhw.emit.verilog import convert
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.importers.finn_npz import import_finn_npz
from bnnhw.importers.network import Network, load_network
from bnnhw.ir import Graph, Int, TensorType, Window
from bnnhw.layers import Affine, Product
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.conftest import SHARED
from tests.networks import (
    Maker,
    SeededChoices,
    examples,
    map_networks,
    random_samples,
    samples,
)

GENERIC = get_device("generic")
TINY = "ni=3,no=2,kernel=3,depth=32,bank=16"
CORES = (TINY, "ni=2,no=3,kernel=5,depth=16,bank=8,batch=2", "ni=4,no=1,kernel=7,depth=32,bank=32",
         "ni=1,no=1,kernel=7,depth=8,bank=8,batch=3", "ni=8,no=4,kernel=3,bits=16,batch=2")


def plan(graph: Graph, core: str | None = TINY) -> YodannPlan:
    found = get_arch("yodann").plan(graph, GENERIC, Goal(), YodannOptions(core))
    assert isinstance(found, YodannPlan)
    return found


def bare(graph: Graph, core: str) -> Design:
    """A design without the comments of a network, so that tests share its simulator."""
    planned = plan(graph, core)
    return Design(graph, planned, convert(get_arch("yodann").elaborate(planned, graph)))


def through_json(planned: YodannPlan) -> YodannPlan:
    return YodannPlan.from_json(json.loads(json.dumps(planned.to_json())))


@examples(150)
@given(st.data(), map_networks(), st.sampled_from(CORES), st.sampled_from([7, 4096]))
def test_any_network(data: st.DataObject, made: tuple[Graph, Hints], core: str,
                     columns: int) -> None:
    """Strides, dilations, any padding, groups, signals, residuals, bits and integers; in tiles."""
    graph, _ = made
    if not any(isinstance(layer, Product) for layer in graph.layers):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "MAX_COLUMNS", columns)
        planned = plan(graph, core)
    assert through_json(planned) == planned
    x = data.draw(samples(graph, 3))
    found = run_network(planned, graph, x, in_software(planned))
    for name, expected in graph.compute(x).items():
        assert (found[name] == expected).all(), name


def pictures() -> np.ndarray:
    path = SHARED / "cnvW1A1_hardware_scores.npz"
    if not path.exists():
        pytest.skip("cnvW1A1_hardware_scores.npz is not on this machine (../shared/data)")
    with np.load(path) as arrays:
        return np.asarray(arrays["x8"])


THIN = """
name: thin
input: {shape: [9, 11, 3], type: int8}
weights: random
layers:
  - {conv: 6, kernel: 3, pad: same, sums: true, name: first}
  - {affine: true, shift: 5, name: scaled}
  - {max_pool: 2}
  - {conv: 7, kernel: [2, 3], stride: 2, pad: 1, pad_value: 5, levels: 3, name: levels}
  - {conv: 5, kernel: 3, dilation: 2, pad: same, name: bits}
  - flatten
  - {dense: 4, output: scores}
  - argmax
"""


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thin")
    (folder / "net.yaml").write_text(THIN)
    return folder


@pytest.mark.parametrize("device", ["generic", pytest.param("cells", marks=pytest.mark.long)])
def test_thin_network(thin: Path, device: str, tmp_path: Path) -> None:
    """YAML to Verilog and back through its manifest, every job to the bit and the cycle."""
    core = "ni=4,no=3,kernel=3,depth=64,bank=16,batch=2"
    design = generate(load_network(thin), "yodann", get_device(device), Goal(), core=core)
    write_files(design.files(tmp_path / "thin.v"))
    loaded = load_design(tmp_path / "thin.json")
    assert loaded.plan == design.plan
    x = random_samples(loaded.graph, 5, 1)
    expected = golden.run(loaded.graph, x)
    for stalls in (Stalls(), Stalls(0.3, 0.4, 5)):
        run = simulate(loaded, x, stalls=stalls)
        assert all((run.outputs[name] == expected[name]).all() for name in expected)
        exact = run.cycles == 3 * loaded.plan.cycles
        assert exact == (stalls == Stalls())


def test_real_pictures_with_every_kernel() -> None:
    """1x1 to 7x7 on the same pictures, with and without padding."""
    x = pictures()[:2, 4:28, 4:28].astype(np.int64)
    make = Maker(SeededChoices(3), TensorType((24, 24, 3), Int(-128, 127)))
    for k in range(1, 8):
        pads = (k // 2, k // 2, (k - 1) // 2, (k - 1) // 2) if k % 2 else (0, 0, 0, 0)
        saved, make.layers = make.layers, []
        layer = make.conv(4, window=Window((k, k), pads=pads), sums=True)
        object.__setattr__(layer, "name", f"k{k}")
        object.__setattr__(layer, "pad", np.zeros((1, 1, 1), dtype=np.int64))
        make.layers = [*saved, layer]
    graph = Graph("core", make.input, tuple(make.layers),
                  tuple((f"y{k}", f"k{k}") for k in range(1, 8)))
    design = bare(graph, "ni=3,no=2,kernel=7,depth=64,bank=16,batch=2")
    run = simulate(design, x)
    for name, expected in graph.compute(x).items():
        assert (run.outputs[name] == expected).all()
    assert run.cycles == design.plan.cycles


def test_affine_is_fused_where_it_is_exact() -> None:
    make = Maker(SeededChoices(5), TensorType((6, 7, 3), Int(-8, 7)))
    conv = make.conv(5, window=Window((3, 3)), sums=True)
    random = np.random.default_rng(5)
    scale = random.integers(-700, 700, 5)
    offset = random.integers(-300, 300, 5) * 512

    def network(offsets: np.ndarray, shift: int = 9) -> Graph:
        affine = Affine("scaled", conv.name, conv.out_type(), scale, offsets, shift)
        return Graph("core", make.input, (conv, affine), (("y", "scaled"),))
    # The offset of the sums cancels the row constant of signed planes.
    const = channel_planes(conv, 12).const()
    graph = network(offset - scale * const)
    planned = plan(graph, "ni=3,no=3,kernel=3")
    assert planned.layers[0].fused == "scaled"
    assert not planned.host
    x = random_samples(graph, 3, 2)
    found = run_network(planned, graph, x, in_software(planned))
    assert (found["y"] == graph.compute(x)["y"]).all()
    design = Design(graph, planned, "")
    assert design.manifest("x.v")["layers"][0]["layer"] == conv.name
    for other in (network(offset - scale * const + 1), network(offset - scale * const, 8),
                  network(offset * 100)):
        assert plan(other, "ni=3,no=3,kernel=3").layers[0].fused is None
    assert plan(graph, "ni=2,no=3,kernel=3").layers[0].fused is None  # sums of two blocks
    assert plan(graph, "ni=3,no=3,kernel=3,acc=17").layers[0].fused is None


def conv_network(type_: TensorType, kernel: int = 3) -> Graph:
    make = Maker(SeededChoices(1), type_)
    layer = make.conv(4, window=Window((kernel, kernel)), sums=True)
    return Graph("core", type_, (layer,), (("y", layer.name),))


@pytest.mark.parametrize(("graph", "core", "message"), [
    (conv_network(TensorType((9, 9, 2), Int(0, 4095))), None, r"reads 0\.\.4095.*bits=13"),
    (conv_network(TensorType((12, 12, 2), Int(0, 7)), 9), None, "kernel of 9x9.*streaming"),
    (conv_network(TensorType((12, 12, 2), Int(0, 7)), 6), "kernel=5", "core=kernel=7"),
    (conv_network(TensorType((9, 9, 2), Int(0, 7))), "kernel=4", "kernel 4 must be"),
    (conv_network(TensorType((9, 9, 2), Int(0, 7))), "ni=x", "'ni=x', expected NAME=NUMBER"),
    (conv_network(TensorType((9, 9, 2), Int(0, 7))), "ni=1,ni=2", "'ni=2'"),
    (conv_network(TensorType((9, 9, 2), Int(0, 7))), "batch=0", "batch=0"),
    (conv_network(TensorType((9, 9, 2), Int(0, 7))), "batch=9999", "batch=9999"),
])
def test_impossible_plans_are_rejected(graph: Graph, core: str | None, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan(graph, core)


def test_saturating_network() -> None:
    """Hardware and golden model of the core clamp alike; the network itself would not."""
    make = Maker(SeededChoices(7), TensorType((8, 8, 6), Int(-2048, 2047)))
    layer = make.conv(3, window=Window((3, 3)), sums=True)
    graph = Graph("core", make.input, (layer,), (("y", layer.name),))
    design = bare(graph, "ni=4,no=5,kernel=5,depth=64,bank=16,acc=15")
    x = random_samples(graph, 3, 4)
    run = simulate(design, x)
    expected = run_network(design.plan, graph, x, in_software(design.plan))
    assert (run.outputs["y"] == expected["y"]).all()
    assert (expected["y"] != graph.compute(x)["y"]).any()


@pytest.mark.parametrize(("kernel", "outputs"), [(3, 64), (5, 64), (7, 32)])
def test_utilisation(kernel: int, outputs: int) -> None:
    """32 channels: nothing is lost to the schedule, and little to weights and the last columns."""
    make = Maker(SeededChoices(1), TensorType((32, 32, 32), Int(-128, 127)))
    layer = make.conv(outputs, sums=True, window=Window(
        (kernel, kernel), pads=(kernel // 2,) * 4))
    object.__setattr__(layer, "pad", np.zeros((1, 1, 1), dtype=np.int64))
    graph = Graph("core", make.input, (layer,), (("y", layer.name),))
    one, eight = (plan(graph, f"batch={n}").layers[0] for n in (1, 8))
    shape = plan(graph, None).shape
    assert len(one.jobs) == 1
    assert one.of_bound(shape) >= 0.95
    assert one.utilisation(shape) >= 0.80
    assert eight.utilisation(shape) >= 0.95


def test_command_line(thin: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    core = ["--core", "ni=4,no=3,kernel=3,depth=64,bank=16,batch=2"]
    shown = runner.invoke(app, ["plan", str(thin), "--arch", "yodann", *core, "--clock", "100"])
    assert shown.exit_code == 0
    assert re.search(r"at 100 MHz: [1-9][\d,]* frames/s", shown.output)
    shown = runner.invoke(app, ["plan", str(thin), "--arch", "yodann", *core, "--json"])
    assert json.loads(shown.output)["frames_per_batch"] == 2
    out = tmp_path / "thin.v"
    made = runner.invoke(app, ["generate", "--arch", "yodann", "--layers", str(thin), *core,
                               "-o", str(out)])
    assert made.exit_code == 0
    assert "on the host: scaled (affine)" in made.output
    x = tmp_path / "x.npy"
    np.save(x, np.random.default_rng(0).integers(-128, 128, (3, 9, 11, 3)).astype(np.int8))
    run = runner.invoke(app, ["simulate", str(out.with_suffix(".json")), "--inputs", str(x),
                              "--json", "--outputs", str(tmp_path / "y.npz")])
    assert run.exit_code == 0
    summary = json.loads(run.output)
    assert summary["mismatches"] == 0
    assert summary["cycles"] == summary["planned_cycles"]
    run = runner.invoke(app, ["simulate", str(out.with_suffix(".json")), "--inputs", str(x),
                              "--in-stall", "0.2"])
    assert "0 differ from golden" in run.output
    for wrong in (["--engine", "pysim"], ["--buffers"]):
        assert runner.invoke(app, ["simulate", str(out.with_suffix(".json")), "--inputs", str(x),
                                   *wrong]).exit_code != 0
    for wrong in (["--arch", "yodann", "--ii", "9"], ["--arch", "streaming", *core]):
        assert runner.invoke(app, ["plan", str(thin), *wrong]).exit_code != 0


@pytest.mark.long
def test_cnv_on_real_pictures() -> None:
    """FINN's CNV, bits and all: the forty scores that the authors' FPGA printed."""
    path = SHARED / "cnvW1A1.npz"
    if not path.exists():
        pytest.skip("cnvW1A1.npz is not on this machine (../shared/data)")
    graph = import_finn_npz(path, "cnv", argmax=True).graph
    with np.load(SHARED / "cnvW1A1_hardware_scores.npz") as arrays:
        x, scores = arrays["x8"], arrays["scores"]
    design = generate(Network(graph, {}, ()), "yodann", GENERIC, Goal(), core="batch=4")
    run = simulate(design, x)
    assert (run.outputs["scores"] == scores).all()
    assert run.cycles == design.plan.cycles


@pytest.mark.long
@pytest.mark.parametrize(("kernel", "outputs"), [(3, 64), (5, 64), (7, 32)])
def test_full_core(kernel: int, outputs: int) -> None:
    """The default core on 32 channels of 32 rows: to the bit and the cycle, 95 % of it busy."""
    make = Maker(SeededChoices(kernel), TensorType((32, 128, 32), Int(-2048, 2047)))
    layer = make.conv(outputs, sums=True, window=Window(
        (kernel, kernel), pads=(kernel // 2,) * 4))
    object.__setattr__(layer, "pad", np.zeros((1, 1, 1), dtype=np.int64))
    graph = Graph("core", make.input, (layer,), (("y", layer.name),))
    design = generate(Network(graph, {}, ()), "yodann", GENERIC, Goal())
    run = simulate(design, random_samples(graph, 2, 1)[1:])
    assert run.cycles == design.plan.cycles
    assert design.plan.layers[0].utilisation(design.plan.shape) >= 0.94
