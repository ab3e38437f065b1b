"""Tests every key of layers.yaml: its legal values, and the errors for all others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.read import check_config, read_config
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir import Int
from bnnhw.ir.layer import ITEMS
from bnnhw.layers.conv import ConvItem
from bnnhw.layers.dense import DenseItem
from bnnhw.layers.pool import PoolItem

INPUT = {"shape": [8, 8, 3], "type": "int8"}


def read(folder: Path, layers: Any, **keys: Any) -> NetConfig:
    path = folder / "net.yaml"
    path.write_text(json.dumps({"name": "net", "input": INPUT, "weights": "random",
                                "layers": layers, **keys}))
    return read_config(path)


GOOD: list[Any] = [
    {"dense": 4, "levels": 3}, {"dense": 4, "sums": True, "output": "raw"},
    {"conv": 4, "kernel": 3}, {"conv": 4, "kernel": [3, 1], "stride": [2, 1], "dilation": 2},
    {"conv": 4, "kernel": 3, "groups": 3, "pad": "same", "pad_value": "zero"},
    {"conv": 4, "kernel": 3, "pad": [1, 2], "pad_value": -1, "batch_norm": True, "sign": ">"},
    {"conv": 4, "kernel": 3, "pad": [1, 2, 3, 4], "pad_value": "checker", "unipolar": True},
    {"conv": 4, "kernel": 3, "pad": 0, "fold": {"pe": 8, "simd": 16}, "memory": "auto"},
    {"depthwise": 3, "pad": "causal", "pad_value": "pattern", "batch_norm": {"eps": 0.001}},
    {"depthwise": [3, 1]}, {"max_pool": 2, "stride": 2, "pad": 0}, {"max_pool": "global"},
    {"sum_pool": [2, 3], "dilation": [1, 2]}, {"sum_pool": "global"}, {"upsample": 2},
    {"upsample": [2, 1]}, "flatten", {"flatten": True, "name": "flat"}, {"select": [0, 2, 1]},
    {"select": True}, {"add": "input"}, {"add": "input", "limits": [-128, 127], "from": "input"},
    {"concat": "input"}, "threshold", {"threshold": True, "levels": 3, "unipolar": True},
    {"divide": 16}, {"divide": 3, "rounding": "half_even", "limits": [-8, 7]},
    {"conv_transpose": 4, "kernel": 2, "stride": 2},
    {"conv_transpose": 4, "kernel": [4, 3], "stride": [2, 1], "pad": 1, "output_pad": [1, 0]},
    {"average_pool": 2, "divisor": 8}, {"average_pool": "global", "rounding": "half_up"},
    {"depth_to_space": 2}, {"depth_to_space": [2, 1], "order": "crd"}, {"space_to_depth": 2},
    {"crop": [1, 0, 2, 0]}, {"multiply": "input", "divisor": 8},
    {"binarize": -7}, "affine", {"affine": True, "shift": 4}, "prelu",
    {"prelu": True, "shift": 3, "limits": [-8, 7]}, "argmax", {"argmax": True, "output": "best"},
]


@pytest.mark.parametrize("item", GOOD, ids=str)
def test_good_item(item: Any, tmp_path: Path) -> None:
    kind = item if isinstance(item, str) else next(iter(item))
    config = read(tmp_path, [item])
    assert config.layers[0].kind == kind
    assert config.names() == [item["name"] if isinstance(item, dict) and "name" in item else
                              "label" if kind == "argmax" else f"{kind}0"]


def test_defaults(tmp_path: Path) -> None:
    conv, dense, pool = read(tmp_path, [{"conv": 4, "kernel": 3}, {"dense": 3},
                                        {"sum_pool": "global"}]).layers
    assert isinstance(conv, ConvItem)
    assert (conv.stride, conv.dilation, conv.groups, conv.pad, conv.pad_value) == (
        None, 1, 1, None, None)
    assert isinstance(dense, DenseItem)
    assert not dense.raw
    assert isinstance(pool, PoolItem)
    assert pool.size is None


BAD: dict[str, tuple[Any, str]] = {
    "kernel missing": ({"conv": 4}, "layers.0.kernel: field required"),
    "kernel of three": ({"conv": 4, "kernel": [1, 2, 3]}, "kernel: must be a positive number or "
                        "[rows, columns] (found [1, 2, 3])"),
    "kernel of zero": ({"conv": 4, "kernel": 0}, "kernel: must be a positive number"),
    "kernel is true": ({"conv": 4, "kernel": True}, "kernel: must be a positive number"),
    "kernel is huge": ({"conv": 4, "kernel": 1 << 40}, "kernel: must be a positive number"),
    "kernel is text": ({"depthwise": "global"}, "depthwise: must be a positive number"),
    "stride": ({"max_pool": 2, "stride": -1}, "stride: must be a positive number"),
    "groups": ({"conv": 4, "kernel": 1, "groups": 0}, "groups: input should be greater"),
    "pad": ({"conv": 4, "kernel": 1, "pad": "valid"}, "pad: must be a number, [rows, columns]"),
    "pad of three": ({"sum_pool": 2, "pad": [1, 2, 3]}, "[top, left, bottom, right]"),
    "negative pad": ({"sum_pool": 2, "pad": -1}, "pad: must be a number"),
    "pad_value": ({"conv": 4, "kernel": 1, "pad": 1, "pad_value": "one"}, "pad_value: must be a "
                  "number, zero, checker or pattern (found 'one')"),
    "pad_value alone": ({"conv": 4, "kernel": 1, "pad_value": 1}, "'pad_value' without 'pad'"),
    "pad_value of a pool": ({"max_pool": 2, "pad_value": 1}, "pad_value: unknown key"),
    "limits": ({"add": "input", "limits": [3, 1]}, "limits: must be [lowest, highest]"),
    "limits of one": ({"add": "input", "limits": [3]}, "limits: must be [lowest, highest]"),
    "add nothing": ({"add": None}, "layers.0.add needs the name of a layer"),
    "concat alone": ("concat", "layers.0.concat needs the name of a layer"),
    "pool alone": ("max_pool", "layers.0.max_pool needs its window, such as 'max_pool: 2'"),
    "conv alone": ("conv", "layers.0.conv needs the number of outputs"),
    "select": ({"select": [0, -1]}, "select: must be a list of channels"),
    "select nothing": ({"select": []}, "select: must be a list of channels"),
    "shift": ({"affine": True, "shift": 49}, "shift: input should be less"),
    "levels and norm": ({"dense": 4, "levels": 3, "batch_norm": True}, "'levels' needs integer "
                        "thresholds"),
    "sums and sign": ({"conv": 4, "kernel": 1, "sums": True, "sign": ">"}, "a layer with 'sums: "
                      "true' has no batch_norm, sign, levels or unipolar"),
    "scores and levels": ({"dense": 4, "output": "scores", "levels": 2}, "a layer with 'output: "
                          "scores' has no"),
    "two kinds": ({"dense": 4, "conv": 3}, "has the keys dense, conv, expected one of"),
    "unknown key": ({"upsample": 2, "mode": "nearest"}, "mode: unknown key, expected name, from, "
                    "output, upsample"),
    "output": ({"dense": 4, "output": "wire"}, "output: 'wire' is a keyword of Verilog"),
    "from nowhere": ({"dense": 4, "from": "fc9"}, "layer 'dense0' reads 'fc9', which is not a "
                     "layer before it; these are input"),
    "from itself": ({"add": "a", "name": "a"}, "layer 'a' reads 'a', which is not a layer before "
                    "it"),
    "from pixels": ({"dense": 4, "from": "pixels"}, "reads 'pixels', which is not a layer"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_item(name: str, tmp_path: Path) -> None:
    item, text = BAD[name]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, [item])
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


INPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "int without range": ({"type": "int"}, "type int needs 'bits'"),
    "bits and range": ({"type": "int", "bits": 4, "signed": True, "range": [0, 1]}, "type int "
                       "needs 'bits'"),
    "bits without sign": ({"type": "int", "bits": 4}, "'bits' and 'signed' belong together"),
    "sign alone": ({"type": "int", "signed": True, "range": [0, 1]}, "belong together"),
    "empty range": ({"type": "int", "range": [4, 3]}, "range 4..3 is empty"),
    "range of int8": ({"type": "int8", "range": [0, 3]}, "type int8 has no 'bits'"),
    "bits of bits": ({"type": "bits", "bits": 1}, "type bits has no 'bits'"),
    "too many bits": ({"type": "int", "bits": 64, "signed": True}, "input.bits: input should be"),
    "threshold of bits": ({"type": "bits", "threshold": 1}, "type bits has no 'threshold'"),
    "unipolar integers": ({"type": "int8", "unipolar": True}, "'unipolar' applies to bits only"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_bad_input_type(name: str, tmp_path: Path) -> None:
    keys, text = INPUTS[name]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, ["flatten"], input={"shape": [4], **keys})
    assert text in str(caught.value)


def test_tuples_are_lists() -> None:
    """A program gives a shape as numpy does."""
    layers = ({"conv": 4, "kernel": (3, 1)}, {"select": (1, 0)}, "flatten")
    input_ = {"shape": np.ones((8, 6, 3)).shape, "type": "int", "range": (-3, 4)}
    config = check_config({"name": "net", "input": input_, "weights": "random", "layers": layers},
                          "net")
    assert config.input.shape == [8, 6, 3]
    assert config.input.element == Int(-3, 4)
    with pytest.raises(ConfigError, match="range: list should have at least 2 items"):
        check_config({"name": "net", "input": {**input_, "range": (1,)}, "weights": "random",
                      "layers": layers}, "net")


def test_outputs_are_named_once(tmp_path: Path) -> None:
    layers = [{"dense": 4, "name": "a", "output": "code"}, {"dense": 4, "name": "b"}]
    with pytest.raises(ConfigError, match="'outputs' is given, and layer 'a' has an 'output'"):
        read(tmp_path, layers, outputs={"bits": "b"})
    with pytest.raises(ConfigError, match="output 'x' is layer 'input', which is not a layer"):
        read(tmp_path, [{"dense": 4}], outputs={"x": "input"})


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, [{"conv": 0, "kernel": 0}, {"sum_pool": "some"}, "upsample"])
    text = str(caught.value)
    assert all(part in text for part in ("layers.0.conv", "layers.0.kernel", "layers.1.sum_pool",
                                         "layers.2.upsample"))


def test_each_kind_has_a_description() -> None:
    for kind, item in ITEMS.items():
        assert kind in item.model_fields
        assert item.__doc__
