"""Tests logic for weights of several bits: proven, equal to NumPy, and cheaper where it can be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.families import TARGETS
from bnnhw.logic import CertificateError, certify
from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.logic.cse.block_netlist import best_layer_options, build_block
from bnnhw.logic.cse.check import check_block, compute_block
from bnnhw.logic.cse.planes import (
    FORMS,
    PlaneSet,
    binary_digits,
    build_graph,
    forms_of,
    odd_digits,
)
from bnnhw.logic.cse.search import CseOptions
from bnnhw.logic.signed_digits import digit_arrays, powers_of, signed_digits
from tests.logic.few_bits import EDGES, SCHEMES, make_layer, make_planes
from tests.logic.test_certificate import FAMILIES, samples
from tests.networks import DrawnChoices, SeededChoices, examples

OPTIONS = (CseOptions(), CseOptions(min_columns=2, keep=2), CseOptions(max_distance=0.0, keep=0))


def counts(layer: LayerSpec, x: np.ndarray) -> np.ndarray:
    """Counts of each row from the integers that the weights stand for: ``[n, rows]``.

    Parameters
    ----------
    x : bool [n, columns * planes]
    """
    bits = x.reshape(len(x), layer.columns, layer.planes).astype(np.int64)
    if layer.signed:
        bits[:, :, -1] ^= 1
    values = np.einsum("qm,qrc->rcm", layer.coefficients, layer.signs.astype(np.int64))
    total = np.einsum("ncm,rcm->nr", bits, values)
    return total + np.einsum("qm,qrc->r", layer.coefficients, layer.signs < 0)


@examples(60)
@given(st.data(), st.sampled_from(FAMILIES), st.sampled_from(SCHEMES), st.sampled_from(EDGES),
       st.sampled_from(OPTIONS))
def test_any_layer(data: st.DataObject, family: str, scheme: str, edge: str,
                   options: CseOptions) -> None:
    """Every scheme, number of bits and edge, in each form that the weights can have."""
    choices = DrawnChoices(data.draw)
    layer = make_layer(choices, scheme, edge)
    planes = PlaneSet(layer.signs, layer.coefficients)
    form = data.draw(st.sampled_from([""] if layer.one_bit else forms_of(planes)))
    block = BlockSpec((layer,))
    netlist = build_block(block, TARGETS[family], [replace(options, form=form)])
    certify(netlist)
    x = samples(choices, block.inputs)
    columns = layer.columns * layer.planes
    classes = choices.integers(0, layer.classes - 1, len(x))
    for k in range(block.class_bits):
        x[:, columns + k] = classes >> k & 1
    found = netlist.evaluate(x).reshape(len(x), layer.rows, layer.width)
    elements = found @ (1 << np.arange(layer.width))
    count = counts(layer, x[:, :columns])
    if layer.limits is None:
        expected = (layer.scale * count + layer.const[classes]) & ((1 << layer.width) - 1)
    else:
        expected = (count[:, :, None] >= layer.limits[classes]).sum(axis=2)
    assert (elements == expected).all()
    assert (compute_block(block, x) == netlist.evaluate(x)).all()


@examples(50)
@given(st.data(), st.sampled_from(SCHEMES), st.integers(1, 3))
def test_every_form_is_the_same_matrix(data: st.DataObject, scheme: str, bits: int) -> None:
    signs, factors = make_planes(DrawnChoices(data.draw), scheme, 5, 7, bits)
    planes = PlaneSet(signs, factors)
    expected = np.einsum("qm,qrc->rmc", factors, signs.astype(np.int64)).reshape(5, -1)
    for form in FORMS:
        if FORMS[form](planes) is not None:
            build_graph(planes, CseOptions(form=form)).check(expected)


@given(st.integers(-(1 << 100), 1 << 100))
def test_signed_digits_are_few(value: int) -> None:
    """The digits make the number, and no two of them are neighbours."""
    digits = signed_digits(value)
    assert sum(digit << position for position, digit in digits) == value == sum(powers_of(value))
    assert all(b[0] - a[0] > 1 for a, b in itertools.pairwise(digits))


@given(st.lists(st.integers(-(1 << 40), 1 << 40), min_size=1))
def test_digits_of_an_array_are_those_of_its_numbers(values: list[int]) -> None:
    arrays = digit_arrays(np.array(values))
    for at, value in enumerate(values):
        assert [(k, int(digits[at])) for k, digits in enumerate(arrays) if digits[at]] == \
            signed_digits(value)


def test_digits() -> None:
    values = np.array([[7, -3, 0, 1]])
    assert [d.tolist() for d in odd_digits(values)] == [[[1, -1, 0, -1]], [[1, 1, 0, -1]],
                                                        [[1, -1, 0, 1]]]
    assert odd_digits(np.array([[3, 2]])) is None
    assert [d.tolist() for d in binary_digits(np.array([[5, -2]]))] == [[[1, 0]], [[0, -1]],
                                                                        [[1, 0]]]


def test_weights_that_a_form_cannot_write() -> None:
    planes = PlaneSet(np.array([[[1, -1]], [[1, 1]]], np.int8), np.array([[1, 2], [5, 3]]))
    assert planes.weights() is None
    assert forms_of(planes) == [""]
    with pytest.raises(ValueError, match="cannot be written in the form 'odd rows'"):
        build_graph(planes, CseOptions(form="odd rows"))


def layer_of(signs: np.ndarray, coefficients: list[list[int]]) -> LayerSpec:
    layer = LayerSpec(signs.astype(np.int8), np.array(coefficients, np.int64), False, None, 1,
                      np.zeros((1, signs.shape[1]), np.int64), 1)
    return replace(layer, limits=(layer.tops // 2 + 1)[None, :, None])


def cost(layer: LayerSpec, family: str) -> int:
    target = TARGETS[family]
    options = best_layer_options(layer, target, None)
    netlist = build_block(BlockSpec((layer,)), target, [options])
    certify(netlist)
    return target.cost(netlist)


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xc7"])
def test_weights_of_zero_cost_nothing(family: str) -> None:
    """Columns without weights leave the netlist; it is the same as without them."""
    signs, coefficients = make_planes(SeededChoices(1), "dorefa", 6, 20, 1)
    wide = np.insert(signs, np.arange(20), 0, axis=2)
    assert wide.shape == (len(signs), 6, 40)
    layer, other = layer_of(wide, coefficients.tolist()), layer_of(signs, coefficients.tolist())
    assert cost(layer, family) == cost(other, family)
    netlist = build_block(BlockSpec((layer,)), TARGETS[family], [CseOptions()])
    read = {bit for bit in netlist.used() if 1 <= bit <= netlist.inputs}
    assert read == {2 * c + 2 for c in range(20)}


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xc7"])
def test_equal_patterns_of_planes_are_added_up_once(family: str) -> None:
    """Weights of -3 and +3 are three times weights of -1 and +1: one sum, shifted and added."""
    one = 2 * SeededChoices(2).bits((1, 4, 120)).astype(np.int8) - 1
    once = cost(layer_of(one, [[1]]), family)
    assert cost(layer_of(np.concatenate([one, one]), [[1], [2]]), family) < 1.35 * once
    assert cost(layer_of(np.concatenate([one, -one]), [[5], [3]]), family) < 1.35 * once


def test_a_shift_too_much_is_rejected() -> None:
    """The proof and the comparison both find a plane that counts twice too much."""
    layer = make_layer(SeededChoices(7), "dorefa", "scores")
    wrong = replace(layer, coefficients=layer.coefficients * [[1], *[[2]] * (len(layer.signs) - 1)])
    netlist = build_block(BlockSpec((wrong,)), TARGETS["ecp5"], [CseOptions()])
    with pytest.raises(CertificateError, match="differs from its layers"):
        check_block(BlockSpec((layer,)), netlist)
    netlist = build_block(BlockSpec((layer,)), TARGETS["ecp5"], [CseOptions()])
    certify(netlist)
    claim = next(c for c in netlist.sum_claims if getattr(c, "addends", ()))
    addend = claim.addends[0]
    moved = replace(addend, lits=(0, *addend.lits), max_value=2 * addend.max_value)
    netlist.sum_claims[netlist.sum_claims.index(claim)] = \
        replace(claim, addends=(moved, *claim.addends[1:]))
    with pytest.raises(CertificateError):
        certify(netlist)


@pytest.mark.parametrize("form", ["signed columns", "signed rows", "binary columns", ""])
@pytest.mark.parametrize("values", [
    [[3, 0, 0, 0, 0], [-4, -1, -2, 0, 0], [0, 0, 2, -4, -1], [-2, 1, -2, -2, 0]],
    [[9], [-6], [14], [14]]])
def test_numbers_that_are_known_modulo_a_power_of_two(values: list[list[int]], form: str) -> None:
    """The sum ``4b + (1 - b)`` is ``1 - b`` modulo 4, and both are read by other sums."""
    integers = np.array(values)
    signs = np.stack([np.sign(integers) * (np.abs(integers) >> q & 1) for q in range(4)])
    for levels in [[t] for t in range(17)] + [[t, t + 2, t + 5] for t in range(8)]:
        layer = layer_of(signs, [[1], [2], [4], [8]])
        layer = replace(layer, limits=np.tile(levels, (1, 4, 1)), width=len(levels).bit_length())
        netlist = build_block(BlockSpec((layer,)), TARGETS["ecp5"], [CseOptions(form=form)])
        certify(netlist)
        check_block(BlockSpec((layer,)), netlist)


def test_a_layer_without_weights() -> None:
    """Rows of weights of 0 are constants."""
    layer = layer_of(np.zeros((2, 3, 4)), [[1], [2]])
    for edge in (layer, replace(layer, limits=None, width=4, const=np.array([[3, -2, 0]]))):
        netlist = build_block(BlockSpec((edge,)), TARGETS["ecp5"], [CseOptions()])
        certify(netlist)
        check_block(BlockSpec((edge,)), netlist)
        assert not netlist.cells
