"""Tests that sums of weighted products are proven, exact on every target, and cheap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.families import TARGETS
from bnnhw.logic import CertificateError, Netlist, certify
from bnnhw.logic.claims import Number, SumClaim
from bnnhw.logic.popcount import popcount_netlist
from bnnhw.logic.truth_tables import MASKED_XNOR
from bnnhw.logic.weighted_products import (
    MINUS_ONE,
    NO_MASK,
    PLUS_ONE,
    LaneShape,
    PlaneProduct,
    lane_sum_netlist,
)
from tests.logic.test_certificate import number_of, samples
from tests.networks import DrawnChoices, examples

FAMILIES = sorted(TARGETS)

SHAPES = {
    "1x2": LaneShape(2, 1, ((0, 0, NO_MASK, 0), (1, 0, NO_MASK, 1))),
    "2x2": LaneShape(2, 2, tuple((m, q, NO_MASK, q + m) for q in (0, 1) for m in (0, 1))),
    "ternary": LaneShape(1, 2, ((0, 0, 1, 0),)),
    "ternary x 2": LaneShape(2, 2, ((0, 0, 1, 0), (1, 0, 1, 1))),
    "3x2, sign and magnitude": LaneShape(2, 3, tuple((m, 0, 1 + q, q + m) for q in (0, 1)
                                                     for m in (0, 1))),
    "1x8": LaneShape(8, 1, tuple((m, 0, NO_MASK, m) for m in range(8))),
}


@st.composite
def shapes(draw: st.DrawFn) -> LaneShape:
    """Lanes of up to three planes, three stored bits and four products of any kind."""
    planes, stored = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    product = st.tuples(st.integers(0, planes - 1),
                        st.sampled_from([*range(stored), PLUS_ONE, MINUS_ONE]),
                        st.sampled_from([NO_MASK, *range(stored)]), st.integers(0, 3))
    drawn: list[PlaneProduct] = draw(st.lists(product, min_size=1, max_size=4))
    # The sign of a product is not its own mask, and products differ.
    kept = {p[:3]: p for p in drawn if p[1] != p[2] or p[1] < 0}
    chosen = tuple(kept.values()) or ((0, 0, NO_MASK, 0),)
    return LaneShape(planes, stored, chosen)


def expected_sums(shape: LaneShape, lanes: int, x: np.ndarray) -> np.ndarray:
    """The definition: ``bool [n, inputs]`` -> ``[n]``."""
    a = x[:, :lanes * shape.planes].reshape(len(x), lanes, shape.planes)
    w = x[:, lanes * shape.planes:].reshape(len(x), lanes, shape.stored)
    total = np.zeros(len(x), dtype=np.int64)
    for plane, sign, mask, shift in shape.products:
        positive = w[:, :, sign] if sign >= 0 else np.full(w.shape[:2], sign == PLUS_ONE)
        agreeing = a[:, :, plane] == positive
        total += (agreeing & (w[:, :, mask] if mask != NO_MASK else True)).sum(axis=1) << shift
    return total


@examples(60)
@given(st.sampled_from(FAMILIES), st.integers(1, 14), shapes(), st.sampled_from([0, 1, 3]),
       st.booleans(), st.data())
def test_sums_are_exact(family: str, lanes: int, shape: LaneShape, levels: int, early: bool,
                        data: st.DataObject) -> None:
    made = lane_sum_netlist(lanes, shape, TARGETS[family], levels, early)
    x = samples(DrawnChoices(data.draw), made.netlist.inputs)
    assert (number_of(made.netlist.evaluate(x)) == expected_sums(shape, lanes, x)).all()
    assert made.cuts == 0 or levels or early


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", SHAPES)
def test_wide_sums_are_exact(family: str, name: str) -> None:
    made = lane_sum_netlist(48, SHAPES[name], TARGETS[family], 3, False)
    x = np.random.default_rng(0).integers(0, 2, (40, made.netlist.inputs)).astype(bool)
    assert (number_of(made.netlist.evaluate(x)) == expected_sums(SHAPES[name], 48, x)).all()


@pytest.mark.parametrize(("name", "most"), [("1x2", 1.8), ("2x2", 3.4), ("ternary", 1.4),
                                            ("3x2, sign and magnitude", 4.6), ("1x8", 6.0)])
def test_lanes_of_ecp5_cost_less_than_their_products(name: str, most: float) -> None:
    """LUTs per lane, in lanes of one product; a sum of 32 lanes."""
    target = TARGETS["ecp5"]
    plain = popcount_netlist(32, target, 3, False)
    made = lane_sum_netlist(32, SHAPES[name], target, 3, False)
    ratio = target.luts(made.netlist, made.schedule) / target.luts(plain.netlist, plain.schedule)
    assert ratio <= most


def test_wrong_weight_breaks_the_proof() -> None:
    """A claim that gives one product another weight is rejected, and so is another mask."""
    netlist = Netlist(3)
    a, w, mask = (netlist.input(k) for k in range(3))
    found = netlist.lut((a, w, mask), MASKED_XNOR)
    claim = SumClaim(Number((0, found), 2), (), (), 0, (), weighted=((1, (a, w, mask)),))
    for wrong in (replace(claim, weighted=((0, (a, w, mask)),)),
                  replace(claim, weighted=((1, (a, mask, w)),)), claim):
        made = Netlist(3)
        made.lut((a, w, mask), MASKED_XNOR)
        made.sum_claims.append(wrong)
        with pytest.raises(CertificateError):
            certify(made)  # without a chain, nothing proves the lookup table


def test_wrong_chain_breaks_the_proof() -> None:
    made = lane_sum_netlist.__wrapped__(6, SHAPES["2x2"], TARGETS["ecp5"], 0, False).netlist
    at = next(k for k, c in enumerate(made.chain_claims) if c.weighted)
    k, product = made.chain_claims[at].weighted[0]
    made.chain_claims[at] = replace(made.chain_claims[at], weighted=(
        (k + 1, product), *made.chain_claims[at].weighted[1:]))
    with pytest.raises(CertificateError):
        certify(made)
