"""Tests sums of numbers that weights pass or invert: the netlist, its price and its cells."""

from __future__ import annotations

import numpy as np
import pytest

from bnnhw.families import TARGETS, get_target
from bnnhw.logic.number_sum import number_sum_netlist

ABSORBING = sorted(name for name, target in TARGETS.items() if target.absorbs_products)


@pytest.mark.parametrize("family", ABSORBING)
@pytest.mark.parametrize("bits", [2, 3, 8])
@pytest.mark.parametrize("levels", [0, 2])
def test_numbers_are_passed_or_inverted(family: str, bits: int, levels: int) -> None:
    """The netlist, which is proven when it is made, adds what its definition says."""
    for lanes in [*range(1, 12), 27]:
        made = number_sum_netlist(lanes, bits, get_target(family), levels)
        choices = np.random.default_rng(lanes)
        x, w = choices.integers(0, 1 << bits, (200, lanes)), choices.integers(0, 2, (200, lanes))
        x[0], w[0] = (1 << bits) - 1, 1  # the largest sum
        inputs = np.concatenate([(x[..., None] >> np.arange(bits) & 1).reshape(200, -1), w], 1)
        outputs = made.netlist.evaluate(inputs.astype(bool))
        assert outputs.shape[1] == (lanes * ((1 << bits) - 1)).bit_length()
        sums = np.where(w == 1, x, (1 << bits) - 1 - x).sum(axis=1)
        assert (outputs @ (1 << np.arange(outputs.shape[1])) == sums).all()
        assert made.cuts == 0 or levels


@pytest.mark.parametrize("family", ABSORBING)
def test_the_products_cost_no_lookup_tables(family: str) -> None:
    """A tree of adders of 8 bits and more takes under 11 LUTs per number, products included."""
    target = get_target(family)
    made = number_sum_netlist(27, 8, target, 0)
    assert target.luts(made.netlist, made.schedule) <= 11 * 27
