"""Tests ROMs in LUTs that are read sequentially."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator, SimulatorContext
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.units.mvtu import Mvtu, MvtuConstants
from bnnhw.rtl.walked_rom import WalkedRom
from tests.dataflow.units import mvtu_of
from tests.networks import DrawnChoices, examples
from tests.rtl.streams import random_stalls, run_stream

PAUSES = st.just([False]) | st.lists(st.booleans(), min_size=1, max_size=12)
"""A repeated pattern of the cycles in which the ROM does not advance."""


@examples(40)
@given(st.integers(1, 300), st.integers(1, 5), PAUSES, st.data())
def test_words_are_read_in_order(depth: int, width: int, pauses: list[bool],
                                 data: st.DataObject) -> None:
    """The ROM reads the next word when it advances, and wraps around after the last one."""
    words = DrawnChoices(data.draw).integers(0, (1 << width) - 1, depth).tolist()
    rom = WalkedRom(words=words, width=width)
    wrong = []

    async def bench(ctx: SimulatorContext) -> None:
        address = 0
        for cycle in range(2 * depth + 5):
            step = not pauses[cycle % len(pauses)]
            ctx.set(rom.step, step)
            await ctx.tick()
            if ctx.get(rom.data) != words[address]:
                wrong.append(cycle)
            address = (address + step) % depth

    sim = Simulator(rom)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert not wrong


def test_a_reset_restarts_at_the_first_word() -> None:
    """After a reset between two words, the ROM reads its first word."""
    words, reset = list(range(40)), Signal()
    rom = WalkedRom(words=words, width=6)
    read = []

    async def bench(ctx: SimulatorContext) -> None:
        ctx.set(rom.step, 1)
        for cycle in range(60):
            ctx.set(reset, cycle == 21)
            await ctx.tick()
            read.append(ctx.get(rom.data))

    sim = Simulator(ResetInserter(reset)(rom))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert read == [*words[:21], 0, *words[:38]]


def mvtu(in_luts: int) -> Mvtu:
    """Make an MVTU of four rows and six columns that takes two rows and three columns at a time."""
    params = mvtu_of(4, 6, 2, 3, threshold=False, levels=1, acc_width=4, weight_memory="block",
                     product_register=False, weights_in_luts=in_luts)
    weights = np.random.default_rng(5).integers(0, 2, (4, 6), dtype=np.uint8)
    return params.create(MvtuConstants(weights, np.zeros((1, 5), dtype=np.int64)))


@pytest.mark.parametrize("in_luts", range(7))
def test_counts_with_columns_in_luts(in_luts: int) -> None:
    """The MVTU counts agreeing bits with none, some or all of its columns in LUTs."""
    unit, rows = mvtu(in_luts), []
    vectors = [(0b101, 0b011), (0b000, 0b111), (0b110, 0b110)]
    for words in vectors:
        for group in range(2):
            sums = [sum(3 - (words[k] ^ (unit.weights[2 * group + k] >> 3 * r & 7)).bit_count()
                        for k in range(2)) for r in range(2)]
            rows.append(sums[1] << 4 | sums[0])
    out, _ = run_stream(unit, [word for words in vectors for word in words], len(rows),
                        random_stalls(0.3))
    assert out == rows


def test_more_columns_in_luts_than_exist_are_rejected() -> None:
    with pytest.raises(ValueError, match="7 columns of 6 cannot be in LUTs"):
        mvtu(7)
