"""Tests that the Verilog and plans of all designs equal the stored digests, byte by byte."""

from __future__ import annotations

import json

import pytest

from bnnhw.arch import architectures
from bnnhw.families import DEVICES
from bnnhw.ir.layer import ITEMS
from tests.digests.__main__ import TABLE
from tests.digests.designs import DESIGNS, digests_of

EXPECTED = json.loads(TABLE.read_text())


@pytest.mark.parametrize("name", DESIGNS)
def test_design_is_unchanged(name: str) -> None:
    found = digests_of(DESIGNS[name])
    assert found == EXPECTED[name], "python -m tests.digests writes the table, if that is meant"


def test_every_kind_is_there() -> None:
    assert set(EXPECTED) == set(DESIGNS)
    assert len(DESIGNS) >= 30
    kinds = {next(iter(item)) if isinstance(item, dict) else item
             for case in DESIGNS.values() for item in case.layers}
    assert kinds == set(ITEMS)
    assert {case.arch for case in DESIGNS.values()} == set(architectures())
    families = {DEVICES[case.device].family for case in DESIGNS.values()}
    assert families == {device.family for device in DEVICES.values()}
