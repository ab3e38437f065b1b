"""Tests which memory each weight ROM of a streaming plan is assigned to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnhw.board_planning.planner import planner_of
from bnnhw.config.hints import LayerHint
from bnnhw.dataflow.units import MvtuParams
from bnnhw.families import Device, get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from tests.networks import random_graph

HX8K = get_device("hx8k")
"""It has 240 LUTs per block RAM, so that a ROM must save 24 LUTs for each of its block RAMs."""


def weight_memory(rows: int, columns: int, fold: LayerHint, device: Device) -> tuple[str, int]:
    """Plan one dense layer; return the memory of its weights, and the columns in LUTs."""
    network = Network(random_graph([columns, rows], tail="bits"), {"fc0": fold}, ())
    plan = planner_of(network, "streaming", device)(Goal(target_cycles=10_000))
    params = plan.unit("fc0").params
    assert isinstance(params, MvtuParams)
    return params.weight_memory, params.weights_in_luts


def few_blocks(blocks: int) -> Device:
    assert HX8K.budget is not None
    return replace(HX8K, budget=replace(HX8K.budget, blocks=blocks))


@pytest.mark.parametrize(("simd", "memory"), [
    (11, "lut"), (12, "lut"), (13, "block"), (16, "block")])
def test_a_block_ram_must_save_a_tenth_of_its_share_of_the_luts(simd: int, memory: str) -> None:
    """A ROM of 32 words saves 31 / 16 LUTs per column: 23.25 with 12 columns, 25.19 with 13."""
    assert weight_memory(8, 4 * simd, LayerHint(1, simd), HX8K) == (memory, 0)


@pytest.mark.parametrize(("pe", "simd", "expected"), [
    (8, 17, ("block", 128)),  # 512 words of 128 columns are 65,536 bits
    (3, 46, ("lut", 0))])
def test_no_more_than_65536_bits_of_a_rom_are_split_off(pe: int, simd: int,
                                                        expected: tuple[str, int]) -> None:
    """One block RAM stores eight columns of 512 words, if the other columns may be in LUTs."""
    assert weight_memory(32 * pe, 16 * simd, LayerHint(pe, simd), few_blocks(1)) == expected
