"""Tests numbers and words of layers.yaml, also where YAML 1.1 reads them differently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.config.yaml_text import parse_yaml
from bnnhw.errors import ConfigError
from bnnhw.importers.network import load_network
from bnnhw.importers.yaml.read import read_config

NET = """name: n
input: {shape: [16], type: int, range: [%(low)s, %(high)s]}
weights: random
seed: %(seed)s
layers:
- {dense: %(dense)s, batch_norm: {eps: %(eps)s}, unipolar: %(unipolar)s}
- {dense: 3, output: scores}
"""
USUAL = {"low": "-8", "high": "7", "seed": "1", "dense": "4", "eps": "0.001", "unipolar": "false"}


def config(folder: Path, **values: str) -> Any:
    (folder / "net.yaml").write_text(NET % {**USUAL, **values})
    return read_config(folder / "net.yaml")


@pytest.mark.parametrize(("text", "value"), [
    ("1e-5", 1e-5), ("1E-5", 1e-5), ("1.0e-5", 1e-5), ("1.e-3", 1e-3), (".5", 0.5),
    ("+.5e-1", 0.05), ("0", 0), ("0.0", 0), ("1", 1), ("+1e-3", 1e-3), ("1e-05", 1e-5),
    ("0.000_01", 1e-5), ("5e0", None), ("-1e-5", None), (".inf", None), (".nan", None)])
def test_eps(text: str, value: float | None, tmp_path: Path) -> None:
    if value is None:
        with pytest.raises(ConfigError, match=r"batch_norm\.eps"):
            config(tmp_path, eps=text)
    else:
        assert config(tmp_path, eps=text).layers[0].batch_norm.eps == value


@pytest.mark.parametrize(("text", "value"), [
    ("1e3", 1000), ("+1e3", 1000), ("1_000", 1000), ("0x10", 16), ("0o17", 15), ("0b101", 5),
    ("1.5e1", 15), ("12", 12), ("+12", 12)])
def test_integers(text: str, value: int, tmp_path: Path) -> None:
    assert config(tmp_path, dense=text).layers[0].dense == value
    assert config(tmp_path, seed=text).seed == value
    assert config(tmp_path, high=text, low=f"-{text.lstrip('+')}" if text[1:2] not in "xob" else
                  "0").input.range[1] == value


@pytest.mark.parametrize("text", ["1.5", "12.0", "1e-5", "many", "1,000", "1e400"])
def test_numbers_that_are_no_integers(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        config(tmp_path, dense=text)


@pytest.mark.parametrize(("text", "readings"), [
    ("010", "8 or as 10"), ("08", "8"), ("-012", "-10 or as -12"), ("12:30", "750"),
    ("1:30:00", "5400"), ("12:30.5", "750.5")])
@pytest.mark.parametrize("key", ["dense", "seed", "high", "eps"])
def test_ambiguous_numbers_are_errors(key: str, text: str, readings: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"net.yaml: '{text}' in line \d") as error:
        config(tmp_path, **{key: text})
    assert readings in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize(("text", "value"), [
    ("true", True), ("True", True), ("yes", True), ("on", True), ("ON", True), ("false", False),
    ("no", False), ("off", False), ("Off", False)])
def test_truth_values(text: str, value: bool, tmp_path: Path) -> None:
    assert config(tmp_path, unipolar=text).layers[0].unipolar is value


@pytest.mark.parametrize("line", [
    "name: no", "weights: on", "outputs: {off: a}", "outputs: {a: yes}",
    "layers: [{dense: 3, name: on}]", "layers: [{dense: 3, from: off}]",
    "layers: [{dense: 3, output: yes}]", "layers: [{concat: no}]", "layers: [no]"])
def test_words_that_yaml_reads_as_truth_values_need_quotes(line: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"in line 1 is a truth value .*quotes"):
        read_config(tmp_path / "net.yaml")


def test_quotes_make_names(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("name: 'no'\ninput: {shape: [4], type: bits}\nweights: random\nlayers:\n"
                    "- {dense: 3, name: 'on', output: \"off\"}\n")
    read = read_config(path)
    assert (read.name, read.layers[0].name, read.layers[0].output) == ("no", "on", "off")


def test_text_remains_text(tmp_path: Path) -> None:
    """A date, a version and a hash are no numbers."""
    path = tmp_path / "net.yaml"
    path.write_text("[2024-01-01, 1.2.3, 12ab, e5, '1e5', -, '-.', null, ~, 1e, 0x, '010']\n")
    assert parse_yaml(path) == ["2024-01-01", "1.2.3", "12ab", "e5", "1e5", "-", "-.", None, None,
                                "1e", "0x", "010"]


def test_the_line_of_the_documentation(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "name: e\ninput: {shape: [4], type: bits}\nweights: weights.npz\nlayers:\n"
        "  - {dense: 2, name: a, batch_norm: {eps: 1e-5}}\n")
    np.savez(tmp_path / "weights.npz", **{
        "a.weights": np.ones((2, 4)), "a.gamma": np.ones(2), "a.beta": np.zeros(2),
        "a.mean": np.zeros(2), "a.var": np.ones(2)})
    assert load_network(tmp_path).graph.layers[0].thresholds.tolist() == [[2], [2]]
