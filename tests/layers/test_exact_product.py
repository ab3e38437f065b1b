"""Tests the product of integer matrices on both sides of the limit of float64."""

from __future__ import annotations

import numpy as np
import pytest

from bnnhw.layers.popcounts import exact_product


@pytest.mark.parametrize("bits", [1, 8, 20, 24, 25, 26, 28])
def test_product_of_integers_is_exact(bits: int) -> None:
    random = np.random.default_rng(bits)
    high = 1 << bits
    numbers = random.integers(-high, high + 1, (9, 5))
    values = random.integers(-high, high + 1, (4, 5))
    numbers[0], values[0] = high, high
    expected = [[sum(int(a) * int(b) for a, b in zip(row, one, strict=True)) for one in values]
                for row in numbers]
    assert exact_product(numbers, values).tolist() == expected
