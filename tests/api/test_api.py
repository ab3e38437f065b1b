"""Tests of the library: the README's ten lines of Python, reprs, and details of errors."""

from __future__ import annotations

import logging
import pkgutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bnnhw
from bnnhw import errors
from bnnhw.api.simulation import Verification, mismatch_error
from bnnhw.arch.yodann.simulation import JobRun
from bnnhw.designs import path
from bnnhw.designs.samples import real_samples


@pytest.fixture(scope="module")
def net() -> bnnhw.Network:
    return bnnhw.load("mnist_tfc")


@pytest.fixture(scope="module")
def x(net: bnnhw.Network) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (4, *net.shape))


@pytest.fixture(scope="module")
def design(net: bnnhw.Network) -> bnnhw.Design:
    return bnnhw.generate(net, arch="streaming", device="up5k", fps=100_000, clock_mhz=30)


def test_only_public_names_are_exported() -> None:
    assert dir(bnnhw) == sorted(bnnhw.__all__)
    for name in bnnhw.__all__:
        assert getattr(bnnhw, name) is not None
    assert {n for n in errors.__all__ if n[0].isupper()} - {"OPTION"} <= set(bnnhw.__all__)
    modules = {module.name for module in pkgutil.iter_modules(bnnhw.__path__)}
    assert not modules & set(bnnhw.__all__)  # an imported module would hide the public name
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        bnnhw.nothing_of_the_kind  # noqa: B018
    assert bnnhw.devices()["up5k"]
    assert bnnhw.boards()["icebreaker"]


def test_import_is_light() -> None:
    heavy = subprocess.run(
        [sys.executable, "-c", "import sys, bnnhw; print([m for m in ('numpy', 'amaranth', 'typer',"
         " 'pydantic') if m in sys.modules])"], capture_output=True, text=True, check=True)
    assert heavy.stdout.strip() == "[]"


def test_lines_of_a_notebook(net: bnnhw.Network, x: np.ndarray, design: bnnhw.Design,
                             tmp_path: Path) -> None:
    expected = net.predict(x)
    run = design.simulate(x)
    assert (run.outputs["label"] == expected["label"]).all()
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
    assert design.plan.ii <= 300
    files = design.save(tmp_path / "build" / "tfc.v")
    assert [path.name for path in files] == ["tfc.v", "tfc.json", "tfc.weights.bin"]
    again = bnnhw.Design.load(files[0])
    assert again.digest == design.digest
    with pytest.raises(bnnhw.ConfigError, match=r"must end in \.v"):
        design.save(tmp_path / "tfc.vhd")


def test_real_samples_are_recognised(net: bnnhw.Network) -> None:
    samples = real_samples("mnist_tfc", 100)
    assert samples is not None
    assert (net.predict(samples.x)["label"] == samples.labels).mean() > 0.8


def test_reprs_fit_one_line(net: bnnhw.Network, x: np.ndarray, design: bnnhw.Design) -> None:
    jobs = bnnhw.generate("mnist_tfc", arch="yodann")
    for shown in (net, design, design.simulate(x), jobs):
        assert len(repr(shown)) < 120
        assert "\n" not in repr(shown)
    assert repr(design).startswith("<Design mnist_tfc: streaming on up5k, ")
    for shown in (net, design, jobs):
        html = shown._repr_html_()
        assert html.count("<tr>") >= 5
        assert "fc1" in html


def test_html_is_escaped(net: bnnhw.Network) -> None:
    layers = tuple(replace(layer, name="<b>&") if layer.name == "fc1" else
                   replace(layer, source="<b>&") if layer.source == "fc1" else layer
                   for layer in net.graph.layers)
    evil = replace(net, graph=replace(net.graph, layers=layers))
    assert "<b>" not in evil._repr_html_()
    assert "&lt;b&gt;&amp;" in evil._repr_html_()


def test_goal_that_is_missed_gives_the_design() -> None:
    with pytest.raises(bnnhw.TimingError, match="instead of at most 384") as error:
        bnnhw.generate("keyword", ii=384)
    assert isinstance(error.value.result, bnnhw.Design)
    assert error.value.result.plan.ii > 384
    with pytest.raises(bnnhw.PlanError):
        bnnhw.generate("keyword", ii=3)


def test_options_of_architectures(net: bnnhw.Network) -> None:
    with pytest.raises(bnnhw.ConfigError, match=r"streaming.*no option `cuts=`.*unrolled"):
        bnnhw.generate(net, cuts=2)
    with pytest.raises(bnnhw.ConfigError, match=r"no option `colour=`"):
        bnnhw.generate(net, colour="red")


def test_mismatch_names_layer_frame_and_channel(design: bnnhw.Design, x: np.ndarray) -> None:
    fc1 = design.graph.layer("fc1")
    weights = fc1.weights.copy()
    weights[0, 3] ^= 1
    thresholds = fc1.thresholds.copy()
    thresholds[7] = 0
    layers = tuple(replace(layer, weights=weights, thresholds=thresholds)
                   if layer.name == "fc1" else layer for layer in design.graph.layers)
    wrong = replace(design, graph=replace(design.graph, layers=layers))
    with pytest.raises(bnnhw.MismatchError) as error:
        wrong.simulate(x)
    assert error.value.layer == "fc1"
    assert error.value.frame is not None
    assert error.value.channel is not None
    assert isinstance(error.value.result.outputs, dict)


def test_a_mismatch_without_probes_claims_what_was_compared(net: bnnhw.Network,
                                                            x: np.ndarray) -> None:
    """A core of jobs has no streams to record: the message names the jobs that were compared."""
    jobs = bnnhw.generate(net, arch="yodann")
    expected = net.predict(x)
    wrong = {**expected, "scores": expected["scores"] + (np.arange(10) == 7)}
    error = mismatch_error(jobs, x, Verification(JobRun(wrong, 9), expected, 4, 0.0), "verilator")
    assert (error.frame, error.channel) == (0, 7)
    assert str(error).endswith("; the result of every job is right")


def test_progress_and_logging(net: bnnhw.Network, x: np.ndarray,
                              caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, float]] = []
    with caplog.at_level(logging.INFO, "bnnhw"):
        made = bnnhw.generate(net, progress=lambda stage, done: seen.append((stage, done)))
    assert seen[-1][1] == 1.0
    assert [record.message for record in caplog.records] == list(dict.fromkeys(
        stage for stage, _ in seen))
    seen.clear()
    made.simulate(x, progress=lambda stage, done: seen.append((stage, done)))
    assert seen[-1] == ("simulate (verilator)", 1.0)


def test_sequential_is_the_same_network_as_its_files(net: bnnhw.Network) -> None:
    with np.load(path("mnist_tfc") / "weights.npz") as file:
        arrays = {name: {key.partition(".")[2]: file[key] for key in file
                         if key.startswith(f"{name}.")} for name in ("fc0", "fc1", "fc2", "scores")}
    made = bnnhw.Sequential(
        [*({"dense": 64, "name": name, **arrays[name]} for name in ("fc0", "fc1", "fc2")),
         {"dense": 10, "name": "scores", "output": "scores", **arrays["scores"]}, "argmax"],
        input={"shape": [784], "type": "uint8", "threshold": 128}, name="mnist_tfc")
    assert made.graph.digest() == net.graph.digest()


def test_sequential_reports_what_is_wrong() -> None:
    pixels = {"shape": [16], "type": "bits"}
    weights = np.ones((4, 16))
    with pytest.raises(bnnhw.ConfigError, match=r"layers\.0\.colour: unknown key"):
        bnnhw.Sequential([{"dense": 4, "colour": "red"}], input=pixels)
    with pytest.raises(bnnhw.ConfigError, match=r"no layer reads: dense0\.colour"):
        bnnhw.Sequential([{"dense": 4, "weights": weights, "thresholds": np.zeros(4),
                           "colour": weights}], input=pixels)
    with pytest.raises(bnnhw.ConfigError, match=r"has no array 'dense1\.weights'"):
        bnnhw.Sequential([{"dense": 4, "weights": weights, "thresholds": np.zeros(4)},
                          {"dense": 2, "sums": True}], input=pixels)
    with pytest.raises(bnnhw.ConfigError, match="expected"):
        bnnhw.Sequential([{"dense": 4, "weights": weights.T, "sums": True}], input=pixels)
    weights[:] = -1
    made = bnnhw.Sequential([{"dense": 4, "weights": weights, "sums": True, "output": "y"}],
                            input=pixels)
    weights[:] = 1  # the network has a copy
    assert made.predict(np.ones((1, 16), int))["y"].tolist() == [[-16] * 4]
