"""Tests invalid layers.yaml and weight files: one line of error, and no half-written file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.rejection import ARRAYS, YAML, check_rejected, write


def yaml_with(**changes: Any) -> dict[str, Any]:
    return {**YAML, **changes}


def first_layer(**changes: Any) -> dict[str, Any]:
    return yaml_with(layers=[{**YAML["layers"][0], **changes}, *YAML["layers"][1:]])


BAD_YAML: dict[str, tuple[Any, str]] = {
    "empty file": ("", "is nothing, expected the keys name"),
    "not YAML": ("a: [1, 2", "is not YAML in line 1"),
    "binary": ("\x00\x01\x02", "is not YAML"),
    "a list": ("[1, 2]", "is a list"),
    "no layers": ({k: v for k, v in YAML.items() if k != "layers"}, "layers: field required"),
    "empty network": (yaml_with(layers=[]), "expected a list of at least one layer"),
    "layers is text": (yaml_with(layers="dense"), "'layers' is a str"),
    "unknown key": (yaml_with(laiers=[]), "laiers: unknown key"),
    "unknown layer": (yaml_with(layers=[{"conv9": 4}]), "layers.0 has the keys conv9, expected one "
                      "of add, "),
    "layer is a number": (yaml_with(layers=[7]), "layers.0 is a int"),
    "dense without size": (yaml_with(layers=["dense"]), "layers.0.dense needs the number"),
    "size is text": (first_layer(dense="many"), "layers.0.dense: input should be a valid integer"),
    "size is negative": (first_layer(dense=-3), "layers.0.dense: input should be greater"),
    "size is huge": (first_layer(dense=1 << 40), "layers.0.dense: input should be less"),
    "fold key": (first_layer(fold={"pee": 2}), "layers.0.fold.pee: unknown key"),
    "memory": (first_layer(memory="tape"), "layers.0.memory: input should be 'auto'"),
    "name": (first_layer(name="7up"), "layers.0.name: string should match"),
    "keyword": (first_layer(name="wire"), "'wire' is a keyword of Verilog"),
    "network keyword": (yaml_with(name="module"), "'module' is a keyword of Verilog"),
    "names twice": (first_layer(name="b"), "two layers are named 'b'"),
    "input type": (yaml_with(input={"shape": [6], "type": "float"}), "input.type: input should be"),
    "input shape": (yaml_with(input={"shape": [0], "type": "bits"}), "input.shape.0: input should"),
    "huge input": (yaml_with(input={"shape": [1 << 20, 1 << 20], "type": "bits"}), "elements, at "
                   "most"),
    "int without range": (yaml_with(input={"shape": [6], "type": "int"}), "type int needs 'bits'"),
    "aliases": ("a: &x [1]\nb: *x\n", "uses YAML aliases"),
    "path outside": (yaml_with(weights="../secret.npz"), "is outside the folder"),
    "absolute path": (yaml_with(weights="/etc/passwd"), "is outside the folder"),
    "missing npz": (yaml_with(weights="other.npz"), "'other.npz' does not exist"),
    "weights is no npz": (yaml_with(weights="net.yaml"), "is not a numpy .npz file"),
    "wrong width": (yaml_with(input={"shape": [7], "type": "bits"}), "has shape (4, 6), expected "
                    "(4, 7)"),
    "missing array": (first_layer(name="zz"), "has no array 'zz.weights'"),
    "scores twice": (first_layer(output="scores"), "its output is 'scores', and so is that of 'a'"),
    "argmax of bits": (yaml_with(layers=[YAML["layers"][0], "argmax"]), "output: scores"),
    "norm on scores": (yaml_with(layers=[{"dense": 4, "name": "a", "output": "scores",
                                          "batch_norm": {}}]), "put an 'affine' layer after"),
    "key twice": ("name: a\nname: b\n", "has the key 'name' twice in line 2"),
    "zero byte": (yaml_with(weights="a\0b.npz"), "weights: string should match"),
    "wire of a stream": (first_layer(name="a_o_valid"), "a name of the generated design"),
    "sign and thresholds": (first_layer(sign=">"), "'a.thresholds' and 'sign'"),
    "norm and thresholds": (first_layer(batch_norm={}), "keep one of them"),
}


@pytest.mark.parametrize("name", BAD_YAML)
def test_bad_yaml(name: str, tmp_path: Path) -> None:
    yaml, text = BAD_YAML[name]
    write(tmp_path, yaml)
    check_rejected(text, "generate", "--layers", "net.yaml", "-o", "out.v", cwd=tmp_path)


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in ARRAYS.items() if k != key}


NORM = {f"a.{k}": np.ones(4) for k in ("gamma", "beta", "mean", "var")}

BAD_ARRAYS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "NaN weights": ({**ARRAYS, "a.weights": np.full((4, 6), np.nan)}, YAML, "24 values that are "
                    "NaN"),
    "real weights": ({**ARRAYS, "a.weights": np.linspace(-1, 1, 24).reshape(4, 6)}, YAML,
                     "24 different values"),
    "text weights": ({**ARRAYS, "a.weights": np.full((4, 6), "x")}, YAML, "expected numbers"),
    "pickled": ({**ARRAYS, "a.weights": np.array([[None] * 6] * 4, object)}, YAML, "cannot be "
                "read"),
    "fractional thresholds": ({**ARRAYS, "a.thresholds": np.array([1.5, 1, 1, 1])}, YAML,
                              "has fractions"),
    "thresholds of another size": ({**ARRAYS, "a.thresholds": np.ones(5)}, YAML, "expected (4,)"),
    "no norm": (without("a.thresholds"), first_layer(batch_norm={}), "has no array 'a.gamma'"),
    "array that nothing reads": ({**ARRAYS, "a.bias": np.ones(4)}, YAML, "no layer reads: a.bias"),
    "norm without its key": ({**without("a.thresholds"), **NORM}, YAML, "batch_norm: true"),
    "negative variance": ({**without("a.thresholds"), **NORM, "a.var": -np.ones(4)},
                          first_layer(batch_norm={}), "negative variances"),
    "zero variance": ({**without("a.thresholds"), **NORM, "a.var": np.zeros(4)},
                      first_layer(batch_norm={"eps": 0.0}), "divides by zero"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays(name: str, tmp_path: Path) -> None:
    arrays, yaml, text = BAD_ARRAYS[name]
    write(tmp_path, yaml, arrays)
    check_rejected(text, "check", "net.yaml", cwd=tmp_path)


def test_npz_bomb_is_not_unpacked(tmp_path: Path) -> None:
    write(tmp_path)
    member = io.BytesIO()
    np.save(member, np.zeros((20_000, 2_000), np.uint8))
    with zipfile.ZipFile(tmp_path / "weights.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.weights.npy", member.getvalue())
    check_rejected("takes 40000128 bytes, expected at most", "check", ".", cwd=tmp_path)


def test_truncated_npz(tmp_path: Path) -> None:
    write(tmp_path)
    raw = (tmp_path / "weights.npz").read_bytes()
    (tmp_path / "weights.npz").write_bytes(raw[:len(raw) // 2])
    check_rejected("is not a numpy .npz file", "check", ".", cwd=tmp_path)


@pytest.mark.parametrize(("fold", "text"), [
    ({"pe": 5, "simd": 2}, "layer 'a': fold pe = 5 must be 1..4; nearest legal: 4"),
    ({"pe": 2, "simd": 0}, "layer 'a': fold simd = 0 must be 1..6; nearest legal: 1"),
    ({"pe": -1}, "layer 'a': fold pe = -1 must be 1..4"),
])
def test_impossible_fold(fold: dict[str, int], text: str, tmp_path: Path) -> None:
    write(tmp_path, first_layer(fold=fold))
    check_rejected(text, "generate", "--layers", ".", "-o", "out.v", cwd=tmp_path)
    check_rejected(text, "check", ".", cwd=tmp_path)
