"""Tests the checks that several layer kinds share, such as that a window fits the map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bnnhw.errors import ModelError
from bnnhw.ir import Bits, Int, TensorType, Window
from bnnhw.layers import Add, Affine, AveragePool, Conv, Dense, Layer, MaxPool, SumPool, Threshold


def conv(type_: TensorType, window: Window) -> Layer:
    weights = np.ones((1, 1, window.taps * type_.channels), np.uint8)
    return Conv("conv", "input", type_, weights, (1,), np.zeros(1, np.int64), None, window=window)


WINDOWS: list[Callable[[TensorType, Window], Layer]] = [
    conv, lambda type_, window: MaxPool("pool", "input", type_, window),
    lambda type_, window: SumPool("mean", "input", type_, window),
    lambda type_, window: AveragePool("mean", "input", TensorType(type_.shape, Int(0, 1)), window)]


@pytest.mark.parametrize("make", WINDOWS)
@pytest.mark.parametrize(("shape", "window", "text"), [
    ((8,), Window((2, 1)), r"shape \(8,\), expected a map \[H, W, C\] or a signal"),
    ((8, 2), Window((2, 2)), "a signal's window has one column"),
    ((3, 4, 1), Window((5, 2), dilation=(1, 2), pads=(1, 0, 0, 2)),
     "spans 5x3 is larger than the padded input 4x6"),
])
def test_windows_must_fit_the_map(make: Callable[[TensorType, Window], Layer],
                                  shape: tuple[int, ...], window: Window, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        make(TensorType(shape, Bits()), window)


@pytest.mark.parametrize("make", WINDOWS)
def test_windows_may_fill_the_padded_map(make: Callable[[TensorType, Window], Layer]) -> None:
    layer = make(TensorType((3, 4, 1), Bits()), Window((4, 3), dilation=(1, 2), pads=(1, 0, 0, 1)))
    assert layer.out_type().shape == (1, 1, 1)


@pytest.mark.parametrize("make", WINDOWS)
def test_gathered_elements_are_those_of_all_windows(make: Callable[[TensorType, Window], Layer],
                                                    ) -> None:
    """The number of samples that are computed at once depends on them."""
    layer = make(TensorType((5, 7, 3), Bits()), Window((2, 3), (1, 2), pads=(0, 0, 1, 0)))
    assert layer.out_type().map[:2] == (5, 3)
    assert layer.gathered_elements == 5 * 3 * (2 * 3) * 3


NUMBERS = TensorType((2,), Int(-4, 4))


@pytest.mark.parametrize("make", [
    lambda limits: Add("sum", "input", NUMBERS, "input", NUMBERS, limits),
    lambda limits: Affine("line", "input", NUMBERS, np.ones(2, np.int64), np.zeros(2, np.int64),
                          0, limits)])
def test_limits_are_ordered(make: Callable[[tuple[int, int]], Layer]) -> None:
    with pytest.raises(ModelError, match=r"saturates at 3\.\.2, expected the lower limit first"):
        make((3, 2))
    assert make((2, 2)).out_type().element == Int(2, 2)
    assert make((-9, 3)).out_type().element.hi == 3


@pytest.mark.parametrize("make", [
    lambda thresholds: Dense("fc", "input", NUMBERS, np.ones((1, 2, 2), np.uint8), (1, 2, 4, 8),
                             np.zeros(2, np.int64), thresholds),
    lambda thresholds: Threshold("sign", "input", NUMBERS, thresholds, np.zeros(2, np.uint8))])
def test_thresholds_have_rows_that_ascend(make: Callable[[np.ndarray], Layer]) -> None:
    for shape in ((2,), (3, 1), (2, 0)):
        with pytest.raises(ModelError, match=r"must have shape \(2, J\), not \("):
            make(np.zeros(shape, np.int64))
    with pytest.raises(ModelError, match="must ascend"):
        make(np.array([[1, 2], [2, 1]]))
    assert make(np.array([[1], [2]])).out_type().element == Bits()
    assert make(np.array([[1, 1], [2, 3]])).out_type().element == Int(0, 2)
