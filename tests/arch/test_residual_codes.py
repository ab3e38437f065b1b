"""Tests residual binarisation (ReBNet): codes, their pools, and the product that reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate, plan_network
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.layers.residual_codes import (
    code_coefficients,
    code_thresholds,
    code_values,
    residual_code,
)
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import load
from tests.networks import examples, random_samples

GENERIC = get_device("generic")
SCALES = [(5,), (2, 1), (9, 4), (11, 5, 2), (4, 2, 1)]


@examples(100)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_a_code_is_the_count_of_thresholds(chosen: list[int]) -> None:
    """Also of scales that are less than the sum of those after them."""
    x = np.arange(-3 * sum(chosen), 3 * sum(chosen) + 1)
    thresholds, values = code_thresholds(chosen), code_values(chosen)
    assert len(thresholds) == (1 << len(chosen)) - 1
    code = residual_code(x, chosen)
    assert (code == (x[:, None] >= thresholds).sum(axis=1)).all()
    planes = code[:, None] >> np.arange(len(chosen)) & 1
    assert (values[code] == planes @ code_coefficients(chosen) - sum(chosen)).all()
    # A pool may compare codes where they order the numbers that they stand for.
    ordered = all(g >= sum(chosen[k + 1:]) for k, g in enumerate(chosen))
    assert not ordered or (np.diff(values) >= 0).all()


def test_thresholds_are_sums_of_scales() -> None:
    assert code_thresholds((9, 4, 2)).tolist() == [-13, -9, -5, 0, 5, 9, 13]
    for chosen in ((), (4, 0), (-1,)):
        with pytest.raises(ValueError, match="must be positive"):
            code_thresholds(chosen)


def pair(chosen: tuple[int, ...], codes: int = 6, pool: bool = False) -> Graph:
    """Two layers: sums to codes, perhaps a pool of codes, and a product of numbers and signs."""
    random = np.random.default_rng(len(chosen))
    first, second = random.integers(0, 2, (codes, 3, 3, 2)), random.integers(0, 2, (5, 1, 1, codes))
    arrays: dict[str, Any] = {
        "a.weights": first, "b.weights": second,
        "a.coefficients": np.array([2]), "a.bias": np.full(codes, -18),
        "a.thresholds": np.repeat(code_thresholds(chosen)[None], codes, axis=0),
        "b.coefficients": np.array(code_coefficients(chosen)),
        "b.bias": np.full(5, -codes * sum(chosen)), "b.thresholds": random.integers(-5, 5, 5)}
    if len(chosen) == 1:
        arrays["a.thresholds"] = arrays["a.thresholds"][:, 0]
    levels = {"levels": (1 << len(chosen)) - 1} if len(chosen) > 1 else {}
    pools = [{"max_pool": 2, "name": "p"}] if pool else []
    return load([{"conv": codes, "kernel": 3, "name": "a", **levels}, *pools,
                 {"conv": 5, "kernel": 1, "name": "b"}], {"shape": [6, 6, 2], "type": "bits"},
                arrays)


def by_definition(chosen: tuple[int, ...], graph: Graph, x: np.ndarray, pool: bool) -> np.ndarray:
    """The pair in numbers: residual levels, the largest number of a window, products of signs."""
    a, b = graph.layer("a"), graph.layer("b")
    windows = np.lib.stride_tricks.sliding_window_view(2 * x - 1, (3, 3), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*windows.shape[:3], -1)
    sums = patches @ (2 * a.arrays()["weights"][0].astype(np.int64) - 1).T
    numbers = code_values(chosen)[residual_code(sums, chosen)]
    if pool:
        n, h, w, c = numbers.shape
        numbers = numbers.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
    products = numbers @ (2 * b.arrays()["weights"][0].astype(np.int64) - 1).T
    return np.asarray(products >= b.arrays()["thresholds"][:, 0])


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("chosen", SCALES, ids=str)
def test_golden(chosen: tuple[int, ...], pool: bool) -> None:
    graph = pair(chosen, pool=pool)
    x = random_samples(graph, 30)
    assert (graph.compute(x)["bits"] == by_definition(chosen, graph, x, pool)).all()


@pytest.mark.parametrize(("arch", "pool"), [("streaming", False), ("streaming", True),
                                            ("unrolled", True)])
@pytest.mark.parametrize("chosen", SCALES, ids=str)
def test_hardware(chosen: tuple[int, ...], arch: str, pool: bool) -> None:
    graph = pair(chosen, pool=pool)
    reduced, plan = plan_network(Network(graph, {}, ()), arch, GENERIC, Goal(target_cycles=200))
    x = random_samples(graph, 8)
    run = simulate(Design(reduced, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0
    assert (run.outputs["bits"] == by_definition(chosen, graph, x, pool)).all()


@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_one_level_is_the_plain_network(arch: str) -> None:
    """Its Verilog is that of bits -1/+1 with thresholds on popcounts, byte for byte."""
    scaled = pair((5,))
    a, b = scaled.layer("a").arrays(), scaled.layer("b").arrays()
    popcounts = [-(-(18 + a["thresholds"][:, 0]) // 2), -(-(30 + b["thresholds"][:, 0]) // 10)]
    plain = load([{"conv": 6, "kernel": 3, "name": "a"}, {"conv": 5, "kernel": 1, "name": "b"}],
                 {"shape": [6, 6, 2], "type": "bits"},
                 {"a.weights": a["weights"][0].reshape(6, 3, 3, 2),
                  "b.weights": b["weights"][0].reshape(5, 1, 1, 6),
                  "a.thresholds": popcounts[0], "b.thresholds": popcounts[1]})
    x = random_samples(plain, 20)
    assert (plain.compute(x)["bits"] == scaled.compute(x)["bits"]).all()
    first, second = (generate(Network(graph, {}, ()), arch, GENERIC, Goal(target_cycles=200))
                     for graph in (scaled, plain))
    assert first.plan == second.plan
    assert body(first.verilog) == body(second.verilog)


def body(verilog: str) -> str:
    """The modules, without the comments before them that carry the digest of the network."""
    return verilog[verilog.index("module"):]
