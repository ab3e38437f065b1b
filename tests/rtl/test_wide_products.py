"""Tests MVTUs with numbers whose products the adders absorb, and with banks of block RAMs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator, SimulatorContext
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.timing import Edge, TokenNet, settle, steady
from bnnhw.dataflow.units.mvtu import MvtuConstants
from bnnhw.families import get_device
from bnnhw.rtl.banked_rom import BankedRom
from tests.dataflow.units import mvtu_of
from tests.networks import DrawnChoices, examples
from tests.rtl.streams import Stalls, run_stream, stall_patterns


@examples(30)
@given(st.integers(2, 70), st.integers(1, 5), st.integers(0, 5), st.data())
def test_words_of_banks_arrive_after_two_cycles(depth: int, width: int, exponent: int,
                                                data: st.DataObject) -> None:
    size = min(1 << exponent, 1 << (depth - 1).bit_length() - 1)
    choices = DrawnChoices(data.draw)
    words = choices.integers(0, (1 << width) - 1, depth).tolist()
    addresses = choices.integers(0, depth - 1, 30).tolist()
    rom, read = BankedRom(words=words, width=width, bank_words=size), []

    async def bench(ctx: SimulatorContext) -> None:
        for address in [*addresses, 0]:
            ctx.set(rom.addr, address)
            await ctx.tick()
            read.append(ctx.get(rom.data))

    simulator = Simulator(rom)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert read[1:] == [words[address] for address in addresses]


@pytest.mark.parametrize("size", [0, 3, 8, 16])
def test_banks_are_powers_of_two_below_the_depth(size: int) -> None:
    with pytest.raises(ValueError, match=f"a power of two below 8, not {size}"):
        BankedRom(words=[0] * 8, width=1, bank_words=size)


def unit_of(rows: int, columns: int, pe: int, simd: int, **values: Any) -> Any:
    """An MVTU that emits sums, with random weights, and its parameters and constants."""
    bits = values.get("bits", 1)
    params = mvtu_of(rows, columns, pe, simd, threshold=False, levels=2,
                     acc_width=(columns << bits).bit_length() + 1, **values)
    weights = np.random.default_rng(rows + columns).integers(0, 2, (rows, columns), dtype=np.uint8)
    starts = np.random.default_rng(1).integers(-9, 9, (1, rows + 1))
    return params, MvtuConstants(weights, starts)


@examples(25)
@given(st.integers(1, 5), st.integers(1, 9), st.sampled_from([1, 2, 4, 8]), st.booleans(),
       st.booleans(), stall_patterns(), st.data())
def test_sums_are_those_of_the_definition(rows: int, columns: int, bits: int, banked: bool,
                                          registered: bool, stalls: Stalls,
                                          data: st.DataObject) -> None:
    """``compute`` is the definition; the unit equals it at every stall pattern."""
    pe, simd = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    steps = -(-rows // pe) * -(-columns // simd)
    bank = 1 << (steps - 1).bit_length() - 1 if banked and steps > 1 else 0
    params, constants = unit_of(rows, columns, pe, simd, bits=bits, family="ecp5",
                                weight_memory="block", product_register=registered,
                                bank_words=bank)
    x = DrawnChoices(data.draw).integers(0, (1 << bits) - 1, (4, columns))
    words = params.i.to_words(x)
    expected = params.compute(words, constants=constants)
    out, _ = run_stream(params.create(constants), numbers_of(params.i, words),
                        expected.shape[0] * expected.shape[1], stalls)
    assert out == numbers_of(params.o, expected)


def numbers_of(stream: Any, words: np.ndarray) -> list[int]:
    """Words ``[frames, words, lanes]`` as the numbers that the stream carries."""
    mask = (1 << stream.width) - 1
    return [sum((int(v) & mask) << k * stream.width for k, v in enumerate(word))
            for frame in words for word in frame]


def test_a_bank_delays_the_result_by_a_cycle_and_loses_none() -> None:
    """The first word comes one cycle later; the rate stays one step per cycle."""
    cycles = []
    for bank in (0, 8):
        params, constants = unit_of(4, 8, 1, 2, family="ecp5", weight_memory="block",
                                    product_register=True, bank_words=bank)
        x = np.random.default_rng(2).integers(0, 2, (6, 8))
        words = numbers_of(params.i, params.i.to_words(x))
        _, at = run_stream(params.create(constants), words, 24)
        cycles.append(at)
        assert at[-1] - at[-5] == 16
    assert cycles[1][0] - cycles[0][0] == 1


@examples(25)
@given(st.integers(2, 7), st.integers(1, 9), st.sampled_from(["held", "planes", "repeated"]),
       stall_patterns(), st.data())
def test_vectors_that_no_buffer_stores(rows: int, columns: int, how: str, stalls: Stalls,
                                       data: st.DataObject) -> None:
    """Vectors of one word, in planes too, and vectors that arrive once for each row group."""
    pe = data.draw(st.integers(1, rows - 1))
    simd = data.draw(st.integers(1, columns)) if how == "repeated" else columns
    bits, late = 3 if how == "planes" else 1, data.draw(st.integers(1, 2))
    late_vector = data.draw(st.booleans())
    params, constants = unit_of(rows, columns, pe, simd, bits=bits, serial=how == "planes",
                                repeated=how == "repeated", family="ecp5",
                                product_register=True, start_latency=late,
                                late_vector=late_vector)
    assert params.holds == (how != "repeated")
    x = DrawnChoices(data.draw).integers(0, (1 << bits) - 1, (4, columns))
    words = params.i.to_words(x)
    if params.repeated:
        words = np.tile(words, (1, params.nf, 1))
    expected = params.compute(words, constants=constants)
    assert (expected == unit_of(rows, columns, pe, simd, bits=bits)[0].compute(
        params.i.to_words(x), constants=constants)).all()
    out, cycles = run_stream(params.create(constants), numbers_of(params.i, words),
                             expected.shape[0] * expected.shape[1], stalls)
    assert out == numbers_of(params.o, expected)
    if not stalls:
        net = TokenNet([params.token_model()],
                       [Edge(words.shape[1], None, (0, 0)), Edge(expected.shape[1], (0, 0), None)],
                       ["mvtu"])
        assert steady(net, params.cycles)[0] == params.cycles
        assert cycles == list(settle(net, 4, np.arange(4 * words.shape[1]))[1])


def test_planes_are_not_repeated() -> None:
    with pytest.raises(ValueError, match="bit planes are read from a stored vector"):
        mvtu_of(4, 4, 1, 2, bits=2, serial=True, repeated=True)


def test_only_large_roms_of_families_with_free_registers_have_banks() -> None:
    memory = get_device("ecp5").memory
    assert memory.bank_words(512, 36) == 0
    assert memory.bank_words(18432, 32) == 2048
    assert memory.bank_registers
    assert not get_device("ice40").memory.bank_registers
