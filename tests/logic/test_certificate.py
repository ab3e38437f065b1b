"""Tests that sums of every size are proven on every target, and that faults break the proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.families import TARGETS
from bnnhw.logic import CertificateError, Netlist, Number, SumBuilder, certify
from bnnhw.logic.cells import Chain, Lut
from bnnhw.logic.claims import SumClaim
from tests.networks import Choices, DrawnChoices, SeededChoices, examples

FAMILIES = sorted(TARGETS)


def number_of(bits: np.ndarray) -> np.ndarray:
    """Bits ``[n, width]``, lowest first, as unsigned numbers ``[n]``."""
    return np.asarray(bits.astype(object) @ np.array([1 << k for k in range(bits.shape[1])],
                                                     dtype=object))


def samples(choices: Choices, inputs: int) -> np.ndarray:
    """Inputs with an eighth to seven eighths of ones, all zeros, all ones: bool [62, inputs]."""
    a, b, c = choices.bits((3, 12, inputs)).astype(bool)
    ends = np.repeat([[False], [True]], inputs, axis=1)
    return np.concatenate([a, a & b, a | b, a & b & c, a | b | c, ends])


def counter(family: str, width: int, products: bool) -> tuple[Netlist, np.ndarray, np.ndarray]:
    """A popcount of plain bits or of products, samples of its inputs, and their counts."""
    inputs = 2 * width if products else width
    netlist = Netlist(inputs)
    builder = SumBuilder(netlist, TARGETS[family])
    terms = [(netlist.input(k), netlist.input(width + k) ^ (k & 1)) if products
             else (netlist.input(k) ^ (k % 3 == 1),) for k in range(width)]
    netlist.outputs = list(builder.total(terms).lits)
    x = samples(SeededChoices(width), inputs)
    flip = np.arange(width) % 2 == 1 if products else np.arange(width) % 3 == 1
    one = ~(x[:, :width] ^ x[:, width:] ^ flip) if products else x ^ flip
    return netlist, x, one.sum(axis=1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("products", [False, True])
def test_counts_of_every_small_size(family: str, products: bool) -> None:
    for width in [*range(1, 40), 63, 64, 65, 127, 128]:
        netlist, x, expected = counter(family, width, products)
        assert certify(netlist) >= (width > 1)
        assert (number_of(netlist.evaluate(x)) == expected).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [1000, 4096])
def test_counts_of_large_sizes(family: str, width: int) -> None:
    netlist, x, expected = counter(family, width, products=False)
    certify(netlist)
    assert (number_of(netlist.evaluate(x)) == expected).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_comparisons_at_every_limit(family: str) -> None:
    for width in (1, 2, 5, 9):
        limits = list(range(-1, width + 3))
        netlist = Netlist(width)
        builder = SumBuilder(netlist, TARGETS[family])
        bits = [(netlist.input(k),) for k in range(width)]
        netlist.outputs = [lit for t in limits for lit in builder.at_least(bits, [], [t])]
        netlist.outputs += builder.at_least(bits, [], limits)
        certify(netlist)
        x = (np.arange(1 << width)[:, None] >> np.arange(width) & 1).astype(bool)
        expected = x.sum(axis=1)[:, None] >= np.array(limits * 2)
        assert (netlist.evaluate(x) == expected).all()


@examples(120)
@given(st.sampled_from(FAMILIES), st.lists(st.booleans(), max_size=20),
       st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=4), st.integers(-40, 40),
       st.integers(1, 9), st.data())
def test_sums_of_numbers_bits_and_constants(
        family: str, flips: list[bool], numbers: list[tuple[int, bool]], const: int,
        width: int, data: st.DataObject) -> None:
    """Bits and numbers, inverted or not, modulo a power of two, exactly, and compared."""
    netlist = Netlist(max(len(flips) + sum(w for w, _ in numbers), 1))
    builder = SumBuilder(netlist, TARGETS[family])
    x = samples(DrawnChoices(data.draw), netlist.inputs)
    terms = [(netlist.input(k) ^ flip,) for k, flip in enumerate(flips)]
    value = (x[:, :len(flips)] ^ np.array(flips, dtype=bool)).sum(axis=1)
    addends, at = [], len(flips)
    for w, negated in numbers:
        number = Number(tuple(netlist.input(at + k) for k in range(w)), (1 << w) - 1)
        addends.append(number.negated if negated else number)
        value = value + number_of(x[:, at:at + w] ^ negated)
        at += w
    wrapped = builder.total(terms, addends, const, width)
    exact = builder.total(terms, addends, abs(const))
    reached = builder.at_least(terms, addends, [const])
    netlist.outputs = [*wrapped.lits, *exact.lits, *reached]
    certify(netlist)
    y = netlist.evaluate(x)
    assert len(wrapped.lits) == width
    assert (number_of(y[:, :width]) == (value + const) % (1 << width)).all()
    assert (number_of(y[:, width:width + exact.width]) == value + abs(const)).all()
    assert (y[:, -1] == (value >= const)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_injected_fault_breaks_the_certificate(family: str) -> None:
    """Faults of every kind at many positions: a wrong truth table, a wrong wire."""
    detected = 0
    for position in range(0, 400, 7):
        for fault in ("cell", "wire"):
            netlist, x, _ = counter(family, 37, products=position % 2 == 0)
            _inject(netlist, position, fault)
            good, _, _ = counter(family, 37, products=position % 2 == 0)
            if (netlist.evaluate(x) == good.evaluate(x)).all():
                continue  # the fault is not observable at the outputs
            with pytest.raises(CertificateError):
                certify(netlist)
            detected += 1
    assert detected > 60


def _inject(netlist: Netlist, position: int, fault: str) -> None:
    """Change one cell of a netlist, and the claims that refer to it."""
    index = position % len(netlist.cells)
    cell = netlist.cells[index]
    if isinstance(cell, Lut):
        if fault == "cell":
            broken: Lut | Chain = replace(cell, table=cell.table ^ (1 << position % (
                1 << len(cell.ins))))
        else:
            other = next(b for b in range(1, netlist.bits) if b not in cell.ins and b < cell.out)
            broken = replace(cell, ins=(other, *cell.ins[1:]))
    else:
        k = position % len(cell.slots)
        slot = cell.slots[k]
        if fault == "cell":
            slot = replace(slot, p=slot.p ^ (1 << position % (1 << len(slot.ins))))
        else:
            other = next(b for b in range(1, netlist.bits)
                         if b not in slot.ins and b < cell.slots[0].total)
            slot = replace(slot, ins=(other, *slot.ins[1:]))
        broken = replace(cell, slots=(*cell.slots[:k], slot, *cell.slots[k + 1:]))
    netlist.cells[index] = broken
    netlist.chain_claims[:] = [replace(claim, chain=broken) if claim.chain is cell else claim
                               for claim in netlist.chain_claims]
    for n, claim in enumerate(netlist.sum_claims):
        if isinstance(claim, SumClaim):
            netlist.sum_claims[n] = replace(claim, parts=tuple(
                (replace(s, chain=broken) if s.chain is cell else s, shift)
                for s, shift in claim.parts))
