"""Tests that every operator in the importer's lists exists in ONNX or QONNX."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

import onnx

from bnnhw.importers.onnx.chain_node import APPROXIMATED, LIMITS, MONOTONIC
from bnnhw.importers.onnx.channels_last import CHANNELS_LAST_OPERATORS
from bnnhw.importers.onnx.constant_folding import FOLDABLE
from bnnhw.importers.onnx.input_layout import MAP_NODES, MOVES
from bnnhw.importers.onnx.operators import ELEMENTWISE
from bnnhw.importers.onnx.quantisers import QONNX_QUANTISERS
from bnnhw.importers.onnx.tail import AFTER, TAILS


def test_operators_exist() -> None:
    """A misspelt name would silently drop the support of an operator."""
    listed = APPROXIMATED | FOLDABLE | MAP_NODES | MOVES | ELEMENTWISE | TAILS | AFTER | \
        LIMITS | MONOTONIC | CHANNELS_LAST_OPERATORS
    assert {name for name in listed if not onnx.defs.has(name)} == \
        QONNX_QUANTISERS | {"DebugMarker"}
