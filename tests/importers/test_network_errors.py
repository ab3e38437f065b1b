"""Tests that errors in a network name the layer, what was expected, and how to fix it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.errors import BnnhwError
from bnnhw.ir.layer import ITEMS
from tests.importers.yaml_networks import load
from tests.networks import examples

MAP = {"shape": [6, 6, 4], "type": "bits"}
INTS = {"shape": [6, 6, 4], "type": "int8"}
SIGNAL = {"shape": [9, 4], "type": "bits"}
CONV = {"conv": 4, "kernel": 3, "name": "c"}
W = {"c.weights": np.ones((4, 3, 3, 4))}

BAD: dict[str, tuple[list[Any], dict[str, Any], dict[str, Any] | None, str]] = {
    "conv of a vector": ([CONV], {"shape": [6], "type": "bits"}, None, "layer 'c': 'input' gives "
                         "6 bits, expected a map [H, W, C] or a signal [T, C]; put the layers"),
    "dense of a map": (["flatten", {"dense": 4, "name": "d", "from": "input"}], MAP, None,
                       "layer 'd': a dense layer reads a vector, but 'input' gives 6x6x4 bits; "
                       "put 'flatten' before it"),
    "kernel larger than the map": ([{**CONV, "kernel": [7, 2]}], MAP, None, "a window that spans "
                                   "7x2 is larger than the padded input 6x6"),
    "dilated window": ([{"max_pool": 3, "dilation": 3}], MAP, None, "spans 7x7"),
    "columns of a signal": ([{**CONV, "kernel": [3, 2]}], SIGNAL, None, "a signal's window has "
                            "one column, not 2; give one number"),
    "padded columns of a signal": ([{**CONV, "pad": [1, 1], "pad_value": 1}], SIGNAL, None,
                                   "a signal has no columns to pad"),
    "pool of padded columns": ([{"max_pool": 2, "pad": [1, 1]}], SIGNAL, None, "no columns to "
                               "pad"),
    "causal map": ([{**CONV, "pad": "causal"}], MAP, None, "'pad: causal' is for signals"),
    "pad without value": ([{**CONV, "pad": 1}], MAP, None, "layer 'c': pads -1/+1 bits without "
                          "'pad_value'; write 'pad_value: -1', '1', or 'zero' for exact zeros"),
    "pad with 0": ([{**CONV, "pad": 1, "pad_value": 0}], MAP, None, "'pad_value: 0' is none of "
                   "-1/+1 bits; 'pad_value: zero' pads them with exact zeros"),
    "pad out of range": ([{**CONV, "pad": 1, "pad_value": 128}], INTS, None, "pads with 128, but "
                         "'input' gives 6x6x4 int -128..127; choose a 'pad_value' of -128..127"),
    "0 is not in the range": ([{**CONV, "pad": 1}], {**INTS, "type": "int", "range": [3, 9]}, None,
                              "pads with 0, but"),
    "checker of integers": ([{**CONV, "pad": 1, "pad_value": "checker"}], INTS, None, "'pad_value: "
                            "checker' is for bits"),
    "pattern of a vector": ([{**CONV, "pad": 1, "pad_value": "pattern"}], MAP,
                            {**W, "c.pad": np.ones(4)}, "array 'c.pad' has shape (4,), expected "
                            "[rows, columns, channels]"),
    "pattern is missing": ([{**CONV, "pad": 1, "pad_value": "pattern"}], MAP, W, "has no array "
                           "'c.pad'"),
    "pattern out of range": ([{**CONV, "pad": 1, "pad_value": "pattern"}], INTS,
                             {**W, "c.pad": np.full((1, 1, 1), 400)}, "has values of 400..400, "
                             "expected -128..127"),
    "groups": ([{**CONV, "groups": 3}], MAP, None, "the 4 channels of 'input' do not divide into "
               "3 groups; use a divisor of 4"),
    "groups of outputs": ([{**CONV, "conv": 6, "groups": 4}], MAP, None, "the 6 outputs do not "
                          "divide into 4 groups; use a divisor of 2"),
    "weights of another shape": ([{**CONV, "kernel": 2}], MAP, W, "array 'c.weights' has shape "
                                 "(4, 3, 3, 4), expected (4, 2, 2, 4) or (4, 16)"),
    "levels without thresholds": ([{**CONV, "levels": 3}], MAP, W, "layer 'c': has 'levels: 3' "
                                  "without an array 'c.thresholds'; it has the shape (4, 3)"),
    "falling thresholds": ([{**CONV, "levels": 2}], MAP, {**W, "c.thresholds": [[2, 1]] * 4},
                           "thresholds of a channel must ascend"),
    "thresholds and norm": ([{**CONV, "batch_norm": True}], MAP,
                            {**W, "c.thresholds": np.ones(4)}, "keep one of them"),
    "coefficients without thresholds": ([CONV], MAP, {**W, "c.coefficients": np.ones(1)},
                                        "has 'c.coefficients', which need integer thresholds"),
    "odd coefficients": ([{**CONV, "pad": 1, "pad_value": "zero"}], MAP,
                         {**W, "c.coefficients": np.ones(1), "c.thresholds": np.ones(4)},
                         "need even coefficients"),
    "norm gives NaN": ([{**CONV, "batch_norm": True}], MAP,
                       {**W, "c.gamma": np.full(4, 1e39), "c.beta": np.zeros(4),
                        "c.mean": np.zeros(4), "c.var": np.ones(4)}, "gives NaN in float32"),
    "too many sums": ([CONV], {**INTS, "type": "int", "bits": 24, "signed": True}, W,
                      "too many to evaluate; give integers 'c.thresholds' instead"),
    "too wide": ([{"affine": True, "name": "a"}, {"affine": True, "name": "b"}, {**CONV, "sums":
                  True}], {**INTS, "type": "int", "bits": 30, "signed": True},
                 {**W, "a.scale": np.full(4, 1 << 15), "a.offset": np.zeros(4),
                  "b.scale": np.full(4, 1 << 14), "b.offset": np.zeros(4)}, "do not fit 60 bits"),
    "select beyond": ([{"select": [0, 4], "name": "s"}], MAP, None, "channels must be a list of "
                      "0..3"),
    "select array": ([{"select": True, "name": "s"}], MAP, {"s.channels": np.ones((2, 2))},
                     "array 's.channels' has shape (2, 2), expected a list of channels"),
    "add of signs": ([{"max_pool": 1, "name": "p"}, {"add": "input"}], MAP, None,
                     "adds bits that mean -1/+1"),
    "add of two shapes": ([{"max_pool": 2, "name": "p"}, {"add": "input"}], INTS, None,
                          "expected equal shapes"),
    "concat of two sizes": ([{"max_pool": 2, "name": "p"}, {"concat": "input"}], INTS, None,
                            "expected equal rows and columns"),
    "threshold of bits": (["threshold"], MAP, None, "thresholds bits: 'input' gives 6x6x4 bits, "
                          "expected integers; the layer before it needs 'sums: true'"),
    "columns to repeat": ([{"upsample": [2, 2]}], SIGNAL, None, "a signal has no columns"),
    "argmax of bits": (["argmax"], MAP, None, "needs scores, not 6x6x4 bits"),
    "prelu of bits": (["prelu"], MAP, None, "reads 6x6x4 bits, expected integers; the layer before "
                      "it needs 'sums: true'"),
    "slopes of a prelu": ([{"prelu": True, "name": "p"}], INTS, {"p.slope": np.ones(3)},
                          "array 'p.slope' has shape (3,), expected (4,)"),
    "nothing reads": ([{"max_pool": 2, "name": "p"}, {"max_pool": 2, "from": "input"}], INTS, None,
                      "layer 'p': nothing reads it; read it by 'from: p', give it an 'output'"),
    "two scores": ([{**CONV, "output": "scores"}, {"conv": 2, "kernel": 1, "output": "scores",
                                                   "name": "d", "from": "input"}], MAP, None,
                   "layer 'd': its output is 'scores', and so is that of 'c'"),
    "binarize": ([{"binarize": 200, "name": "b"}], INTS, None, "threshold 200 must be -128..128"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name: str) -> None:
    layers, input_, arrays, text = BAD[name]
    with pytest.raises(BnnhwError) as caught:
        load(layers, input_, arrays)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


BIG = {"shape": [512, 512, 4], "type": "bits"}
HUGE: dict[str, tuple[list[Any], str]] = {
    "outputs": ([{"conv": 1 << 20, "kernel": 1, "name": "c"}], "512 x 512 x 1048576 outputs"),
    "weights": ([{"max_pool": 512, "name": "p"}, {"conv": 1 << 20, "kernel": 1},
                 {"conv": 1 << 20, "kernel": 1, "name": "c"}], "1048576 x 1048576 weights"),
    "padding": ([{"sum_pool": 2, "pad": 1 << 20, "name": "c"}], "elements with their padding"),
    "taps": ([{"conv": 1, "kernel": 400, "pad": "same", "pad_value": "zero", "name": "c"}],
             "512 x 512 x 160000 taps of all windows"),
    "upsample": ([{"upsample": 1 << 10, "name": "c"}], "1048576 x 1024 x 1024 outputs"),
    "select": ([{"select": [0] * 300, "name": "c"}], "262144 x 300 outputs"),
    "levels": ([{"sum_pool": 1, "name": "s"}, {"max_pool": "global"}, "flatten",
                {"dense": 1 << 10, "levels": 1 << 20, "name": "c"}], "1024 x 1048576 thresholds"),
    "concat": ([{"upsample": 8, "name": "a"}, {"concat": "a", "name": "c"}], "134217728 outputs"),
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_sizes_are_rejected_before_allocation(name: str) -> None:
    layers, text = HUGE[name]
    with pytest.raises(BnnhwError, match="exceed the limit of 67108864") as caught:
        load(layers, BIG)
    assert "layer 'c'" in str(caught.value)
    assert text in str(caught.value)


def test_arrays_that_nothing_reads() -> None:
    for key in ("c.thresholds", "c.pad", "c.smallest", "c.falling"):
        with pytest.raises(BnnhwError, match=f"no layer reads: {key}"):
            load([{**CONV, "sums": True}], MAP, {**W, key: np.ones(4)})


WORDS = st.sampled_from(["same", "causal", "zero", "checker", "pattern", "global", "input", "a",
                         "label", "scores", "true", "", "0"])
VALUES = st.one_of(st.integers(-3, 9), st.sampled_from([1 << 20, 1 << 40, -1 << 63, 1.5]), WORDS,
                   st.booleans(), st.none(), st.lists(st.integers(-1, 4), max_size=5),
                   st.just({"eps": 0.1}), st.just({"pe": 2}))
GOOD = {"dense": 3, "conv": 4, "depthwise": 2, "max_pool": 2, "sum_pool": "global", "upsample": 2,
        "flatten": True, "select": [1, 0], "add": "input", "concat": "input", "threshold": True,
        "binarize": 3, "affine": True, "prelu": True, "argmax": True, "divide": 3,
        "average_pool": 2, "depth_to_space": 2, "space_to_depth": 2, "crop": [0, 1, 1, 0],
        "multiply": "input", "conv_transpose": 2}


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an item with keys of its kind, most of them with arbitrary values."""
    kind = draw(st.sampled_from(sorted(ITEMS)))
    keys = sorted({"from" if key == "from_" else key for key in ITEMS[kind].model_fields} - {kind})
    item = draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=2))
    if kind in ("conv", "conv_transpose") and draw(st.integers(0, 9)):
        item["kernel"] = 2
    return {**item, kind: GOOD[kind] if draw(st.integers(0, 9)) else draw(VALUES)}


@examples(300)
@given(st.lists(items(), min_size=1, max_size=4), st.sampled_from([MAP, INTS, SIGNAL]))
def test_arbitrary_items_load_or_raise_an_error(layers: list[Any],
                                                input_: dict[str, Any]) -> None:
    """No other exception occurs, and a network that loads can be computed."""
    try:
        graph = load(layers, input_)
    except BnnhwError:
        return
    if max(layer.out_type().size for layer in graph.layers) < 10_000:
        graph.compute(np.zeros((1, *graph.input.shape), np.int64))
