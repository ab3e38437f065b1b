"""Tests divisions with rounding: against exact fractions, and the reciprocal of the hardware."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.reciprocal import Reciprocal, reciprocal
from bnnhw.errors import ModelError
from bnnhw.ir import Bits, Int, TensorType
from bnnhw.layers import AveragePool, Divide, Division, Multiply
from bnnhw.layers.division import ROUNDINGS
from tests.importers.yaml_networks import load
from tests.networks import examples

EXACT: dict[str, Callable[[Fraction], int]] = {
    "floor": math.floor, "ceil": math.ceil, "zero": math.trunc,
    "away": lambda q: math.ceil(q) if q > 0 else math.floor(q),
    "half_up": lambda q: math.floor(q + Fraction(1, 2)),
    "half_down": lambda q: math.ceil(q - Fraction(1, 2)),
    "half_zero": lambda q: math.ceil(q - Fraction(1, 2)) if q > 0
    else math.floor(q + Fraction(1, 2)),
    "half_away": lambda q: math.floor(q + Fraction(1, 2)) if q > 0
    else math.ceil(q - Fraction(1, 2)),
    "half_even": round,
}

DIVISORS = st.integers(1, 40) | st.sampled_from([64, 49, 196, 255, 1024, 1000])
RANGES = st.tuples(st.integers(-700, 700), st.integers(0, 900)).map(lambda r: (r[0], r[0] + r[1]))
LIMITS = st.none() | st.tuples(st.integers(-20, 20), st.integers(0, 30)).map(
    lambda r: (r[0], r[0] + r[1]))
DIVISIONS = st.builds(Division, DIVISORS, st.sampled_from(sorted(ROUNDINGS)), LIMITS)


def test_every_rounding_is_tested() -> None:
    assert EXACT.keys() == ROUNDINGS.keys()


@given(DIVISIONS, RANGES)
def test_divisions_equal_exact_fractions(division: Division, ends: tuple[int, int]) -> None:
    x = np.arange(ends[0], ends[1] + 1)
    exact = np.array([EXACT[division.rounding](Fraction(int(n), division.divisor)) for n in x])
    if division.limits is not None:
        exact = np.clip(exact, *division.limits)
    y = division.compute(x)
    assert (y == exact).all()
    assert division.range_of(*ends) == Int(int(exact.min()), int(exact.max()))


def in_python(found: Reciprocal, x: int) -> int:
    """Evaluate the constants of the hardware."""
    total = x * found.scale + found.offsets[x >= 0]
    shape = found.total_shape
    assert (-(1 << shape.width - 1) if shape.signed else 0) <= total
    assert total < 1 << shape.width - shape.signed
    y = total >> found.shift
    if found.clears_ties and total % (1 << found.shift) < found.scale:
        y -= y % 2
    return y if found.limits is None else min(max(y, found.limits[0]), found.limits[1])


@given(DIVISIONS, RANGES)
def test_reciprocals_are_exact_for_their_range(division: Division, ends: tuple[int, int]) -> None:
    found = reciprocal(division, *ends)
    x = range(ends[0], ends[1] + 1)
    assert [in_python(found, n) for n in x] == division.compute(np.array(x)).tolist()


@examples(12)
@given(DIVISIONS, RANGES)
def test_hardware_divides(division: Division, ends: tuple[int, int]) -> None:
    found = reciprocal(division, *ends)
    m, x, y = Module(), Signal(found.x_shape), Signal(range(-1024, 1024))
    m.d.comb += y.eq(found.divide(m, x, "dut"))
    inputs = list(range(ends[0], ends[1] + 1, max(1, (ends[1] - ends[0]) // 150)))
    expected = division.compute(np.array(inputs)).tolist()

    async def bench(ctx: object) -> None:
        got = []
        for n in [*inputs, *[inputs[-1]] * found.registers]:
            ctx.set(x, n)  # type: ignore[attr-defined]
            got.append(ctx.get(y))  # type: ignore[attr-defined]
            await ctx.tick()  # type: ignore[attr-defined]
        assert got[found.registers:] == expected

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_power_of_two_takes_no_multiplier() -> None:
    for rounding in ROUNDINGS:
        found = reciprocal(Division(16, rounding), -1000, 1000)
        assert (found.scale, found.shift, found.registers) == (1, 4, 1)


INTS = {"shape": [4, 6, 3], "type": "int", "range": [-9, 12]}


def samples(count: int = 5) -> np.ndarray:
    return np.random.default_rng(3).integers(-9, 13, (count, 4, 6, 3))


def test_truncated_average_pool_is_that_of_brevitas() -> None:
    """``QuantAvgPool2d`` and ``TruncAvgPool2d``: the sum of the window, shifted to the right."""
    x = samples()
    (y,) = load([{"average_pool": 2, "divisor": 8}], INTS).compute(x).values()
    assert (y == x.reshape(5, 2, 2, 3, 2, 3).sum(axis=(2, 4)) >> 3).all()


def test_average_pool_divides_by_its_taps() -> None:
    x = samples()
    (y,) = load([{"average_pool": [2, 3], "rounding": "half_even"}], INTS).compute(x).values()
    sums = x.reshape(5, 2, 2, 2, 3, 3).sum(axis=(2, 4))
    assert (y == np.round(sums / 6)).all()
    (y,) = load([{"average_pool": "global", "rounding": "zero"}], INTS).compute(x).values()
    assert (y == np.trunc(x.sum(axis=(1, 2), keepdims=True) / 24)).all()


def test_padding_counts_as_zero_and_the_divisor_is_the_same() -> None:
    x = samples()
    (y,) = load([{"average_pool": 3, "pad": 1, "stride": 1, "limits": [-2, 3]}],
                INTS).compute(x).values()
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    sums = sum(padded[:, a:a + 4, b:b + 6] for a in range(3) for b in range(3))
    assert (y == np.clip(sums // 9, -2, 3)).all()


@pytest.mark.parametrize(("element", "expected"), [
    (Int(-9, -3), Int(-36, 0)), (Int(3, 9), Int(0, 36)), (Int(-2, 5), Int(-8, 20))])
def test_sums_over_a_padded_border_are_in_range(element: Int, expected: Int) -> None:
    """A window may see padding only, or one pixel: its sum is nearer to 0 than a full one."""
    graph = load([{"sum_pool": 2, "pad": [2, 2, 2, 2], "stride": 1}],
                 {"shape": [3, 3, 1], "type": "int", "range": [element.lo, element.hi]})
    assert graph.layers[0].out_type().element == expected
    for value in (element.lo, element.hi):
        (y,) = graph.compute(np.full((1, 3, 3, 1), value)).values()
        assert expected.lo <= y.min() <= y.max() <= expected.hi


def test_a_gate_multiplies_each_channel() -> None:
    x = samples()
    layers = [{"max_pool": 1, "name": "map"}, {"average_pool": "global", "name": "gate"},
              {"multiply": "map", "divisor": 4, "rounding": "half_up", "limits": [-7, 7]}]
    (y,) = load(layers, INTS).compute(x).values()
    gate = x.sum(axis=(1, 2), keepdims=True) // 24
    assert (y == np.clip(np.floor(x * gate / 4 + 0.5), -7, 7)).all()
    assert y.shape == x.shape
    for flat in ([], ["flatten"]):  # the vector may come first or second, flat or not
        other = [layers[0], layers[1], *flat, {"max_pool": 1, "from": "map", "name": "again"},
                 {"multiply": "flatten2" if flat else "gate", "divisor": 4,
                  "rounding": "half_up", "limits": [-7, 7]}]
        (again,) = load(other, INTS).compute(x).values()
        assert (again == y).all()


def test_bits_of_two_signs_are_refused() -> None:
    bits = TensorType((4, 4, 2), Bits())
    for make in (lambda: Divide("d", "input", bits, Division(2)),
                 lambda: AveragePool("p", "input", bits),
                 lambda: Multiply("m", "input", bits, "input", bits)):
        with pytest.raises(ModelError, match=r"bits that mean -1/\+1.*affine layer of scale 2"):
            make()


def test_shapes_of_a_product_must_fit() -> None:
    ints = TensorType((4, 4, 2), Int(0, 3))
    for shape in ((4, 4, 3), (3,), (4, 2), (2, 4, 2), ()):
        with pytest.raises(ModelError, match="expected equal shapes, or one number for each"):
            Multiply("m", "input", ints, "g", TensorType(shape, Int(0, 3)))
    for shape in ((2,), (1, 2), (1, 1, 2), (4, 4, 2)):
        found = Multiply("m", "input", ints, "g", TensorType(shape, Int(0, 3)))
        assert found.out_type() == TensorType((4, 4, 2), Int(0, 9))


def test_numbers_must_fit() -> None:
    wide = TensorType((2,), Int(-1 << 40, 1 << 40))
    with pytest.raises(ModelError, match="do not fit 62 bits"):
        Multiply("m", "input", wide, "input", wide)
    with pytest.raises(ModelError, match="lower limit first"):
        Divide("d", "input", wide, Division(2, limits=(3, 1)))
    with pytest.raises(ModelError, match="rounding 'up', expected one of floor, ceil"):
        Divide("d", "input", wide, Division(2, "up"))
    with pytest.raises(ModelError, match="divides by 0"):
        Divide("d", "input", wide, Division(0))
