"""Tests invalid input: one line of error, exit code 2, no traceback, no half-written file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.inside import run_inside

YAML: dict[str, Any] = {
    "name": "net", "input": {"shape": [6], "type": "bits"}, "weights": "weights.npz",
    "layers": [{"dense": 4, "name": "a"}, {"dense": 3, "name": "b", "output": "scores"}, "argmax"],
}
ARRAYS: dict[str, np.ndarray] = {
    "a.weights": np.ones((4, 6)), "a.thresholds": np.array([3, 3, 2, 1]),
    "b.weights": np.ones((3, 4)),
}


def write(folder: Path, yaml: Any = YAML, arrays: dict[str, Any] | None = None) -> None:
    """Write a network; its YAML may be JSON, which is a subset of YAML."""
    (folder / "net.yaml").write_text(yaml if isinstance(yaml, str) else json.dumps(yaml))
    np.savez(folder / "weights.npz", **(ARRAYS if arrays is None else arrays))


def cli(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Run a verb; its error must be one line without a traceback."""
    result = run_inside(*arguments, cwd=cwd)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stderr.strip()


def check_rejected(text: str, *arguments: str, cwd: Path) -> None:
    """Check that a verb ends with code 2 and one line with ``text``, and writes no file."""
    before = sorted(p for p in cwd.rglob("*"))
    code, message = cli(*arguments, cwd=cwd)
    assert code == 2, message
    assert message.startswith("error: ")
    assert "\n" not in message
    assert text in message, message
    assert sorted(p for p in cwd.rglob("*")) == before


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


GENERATE = ["generate", "--layers", ".", "-o", "out.v"]
USAGE: dict[str, tuple[list[str], str]] = {
    "no verb": (["frobnicate"], "No such command"),
    "no network": (["generate", "-o", "out.v"], "no network is given"),
    "two networks": (["generate", "mnist_tfc", "--layers", ".", "-o", "out.v"],
                     "two networks are given"),
    "missing network": (["generate", "--layers", "nowhere", "-o", "out.v"], "does not exist"),
    "not a .v": (["generate", "--layers", ".", "-o", "out.txt"], "must end in .v"),
    "unwritable": (["generate", "--layers", ".", "-o", "/proc/none/out.v"], "cannot be written"),
    "out is a folder": (["generate", "--layers", ".", "-o", "folder.v"], "cannot be written"),
    "architecture": ([*GENERATE, "--arch", "quantum"], "use one of streaming"),
    "device": ([*GENERATE, "--device", "z80"], "unknown device 'z80'"),
    "ii of 0": ([*GENERATE, "--ii", "0"], "at least 1 cycle"),
    "ii is text": ([*GENERATE, "--ii", "fast"], "Invalid value for '--ii'"),
    "fps alone": ([*GENERATE, "--fps", "100"], "--fps needs the clock"),
    "fps beyond clock": ([*GENERATE, "--fps", "1e9", "--clock", "10"], "less than one cycle"),
    "clock without end": ([*GENERATE, "--fps", "1", "--clock", "inf"], "positive and possible"),
    "clock of 0": ([*GENERATE, "--ii", "64", "--clock", "0"], "--clock 0 must be positive"),
    "header of Python": (["golden", ".", "--inputs", "header.npy", "--outputs", "y.npz"],
                         "is not a numpy .npy"),
    "missing inputs": (["golden", ".", "--inputs", "no.npy", "--outputs", "y.npz"],
                       "cannot be read"),
    "inputs are YAML": (["golden", ".", "--inputs", "net.yaml", "--outputs", "y.npz"],
                        "is not a numpy .npy"),
    "inputs of another shape": (["golden", ".", "--inputs", "seven.npy", "--outputs", "y.npz"],
                                "has shape (1, 7), expected [n, 6]"),
    "inputs are one number": (["golden", ".", "--inputs", "zero.npy", "--outputs", "y.npz"],
                              "has shape (1,), expected [n, 6]"),
    "no frames": (["simulate", "no.json", "--inputs", "x.npy", "-n", "0"],
                  "Invalid value for '-n'"),
    "float inputs": (["golden", ".", "--inputs", "float.npy", "--outputs", "y.npz"],
                     "expected integers"),
    "golden level": (["golden", ".", "--inputs", "x.npy", "--outputs", "y.npz", "--level", "9"],
                     "must be one of reference"),
    "outputs unwritable": (["golden", ".", "--inputs", "x.npy", "--outputs", "/proc/y.npz"],
                           "cannot be written"),
    "labels of another shape": (["simulate", ".", "--inputs", "x.npy", "--labels", "x.npy"],
                                "labels: has shape (2, 6), expected (2,)"),
    "cells of a component": (["simulate", ".", "--inputs", "x.npy", "--cells", "--engine", "pysim"],
                             "--cells is for engines that read Verilog"),
    "missing manifest": (["simulate", "no.json", "--inputs", "x.npy"], "cannot be read"),
    "no manifest": (["simulate", "net.json", "--inputs", "x.npy"], "is no manifest"),
    "manifest is binary": (["simulate", "binary.json", "--inputs", "x.npy"], "is not JSON"),
    "list of what": (["list", "boards9"], "cannot list 'boards9'"),
    "pixel range": (["import", "x.onnx", "-o", "net", "--pixel-range", "1", "1"],
                    "both numbers of"),
    "input kind": (["import", "x.onnx", "-o", "net", "--input", "words"],
                   "use one of uint8, int8, bits"),
}


@pytest.mark.parametrize("name", USAGE)
def test_bad_usage(name: str, tmp_path: Path) -> None:
    arguments, text = USAGE[name]
    write(tmp_path)
    (tmp_path / "folder.v").mkdir()
    (tmp_path / "net.json").write_bytes((tmp_path / "net.yaml").read_bytes())
    (tmp_path / "binary.json").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "x.npy", np.zeros((2, 6), np.uint8))
    np.save(tmp_path / "seven.npy", np.zeros((1, 7), np.uint8))
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00\x0d\x00{'descr': ('\n")
    np.save(tmp_path / "zero.npy", np.uint8(1))
    np.save(tmp_path / "float.npy", np.zeros((1, 6)))
    check_rejected(text, *arguments, cwd=tmp_path)


def chain(folder: Path) -> Any:
    from tests.importers.vector_models import Builder
    b = Builder([1, 6]).matmul(4).bipolar().matmul(3)
    model = b.model()
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return model


def save(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(model.SerializeToString())


def truncate(model: Any, folder: Path) -> None:
    raw = model.SerializeToString()
    (folder / "m.onnx").write_bytes(raw[:len(raw) * 2 // 3])


def external(model: Any, folder: Path) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="../../etc/passwd")
    save(model, folder)


def cycle(model: Any, folder: Path) -> None:
    model.graph.node[1].input[0] = model.graph.node[-1].output[0]
    save(model, folder)


def dangling(model: Any, folder: Path) -> None:
    model.graph.node[1].input[0] = "undefined"
    save(model, folder)


def unsupported(model: Any, folder: Path) -> None:
    model.graph.node[2].op_type = "LSTM"
    model.graph.node[2].domain = ""
    save(model, folder)


def huge_tensor(model: Any, folder: Path) -> None:
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]
    save(model, folder)


def huge_input(model: Any, folder: Path) -> None:
    for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]:
        dim.dim_value = 1 << 40
    save(model, folder)


def dynamic_input(model: Any, folder: Path) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    save(model, folder)


def unknown_type(model: Any, folder: Path) -> None:
    model.graph.initializer[0].data_type = 119
    save(model, folder)


def short_tensor(model: Any, folder: Path) -> None:
    model.graph.initializer[0].raw_data = b"1234"
    save(model, folder)


def rubbish(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"\x01\xff no model")


def pickled(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"\x80\x04pickle me")


def empty(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"")


BAD_ONNX: dict[str, tuple[Callable[[Any, Path], None], str]] = {
    "truncated": (truncate, "cut short"),
    "external data": (external, "outside of the model's folder"),
    "cycle": (cycle, "is part of a cycle"), "dangling": (dangling, "which no node or tensor "
                                                           "defines"),
    "unsupported": (unsupported, "the operator 'LSTM' is not supported"),
    "huge tensor": (huge_tensor, "expected at most"),
    "huge input": (huge_input, "elements, expected at most"),
    "dynamic input": (dynamic_input, "with known sizes"),
    "unknown type": (unknown_type, "is broken"), "short tensor": (short_tensor, "is broken"),
    "rubbish": (rubbish, "is not an ONNX model"), "pickle": (pickled, "is a Python pickle"),
    "empty": (empty, "cut short"),
}


@pytest.mark.parametrize("name", BAD_ONNX)
def test_bad_onnx(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
    spoil, text = BAD_ONNX[name]
    spoil(chain(tmp_path), tmp_path)
    check_rejected(text, "import", "m.onnx", "-o", "net", "--input", "bits", cwd=tmp_path)


def test_missing_onnx(tmp_path: Path) -> None:
    check_rejected("cannot be read", "import", "no.onnx", "-o", "net", cwd=tmp_path)
