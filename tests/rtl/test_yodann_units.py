"""Tests the units of the latch-memory core one by one in Amaranth's simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.sim import Simulator

from bnnhw.rtl.scm import HeldRegister, LatchRows
from bnnhw.rtl.yodann.csa import Adders
from bnnhw.rtl.yodann.image import ImageBank, ImageMemory, Operands
from bnnhw.rtl.yodann.scale import ScaleBias
from bnnhw.rtl.yodann.shape import GROUP, CoreShape
from bnnhw.rtl.yodann.sop import SumOfProducts
from bnnhw.rtl.yodann.summer import clamp

SMALL = CoreShape(ni=3, no=2, kernel=5, bits=9, frac=5, depth=16, bank=8)


def simulate(top: Any, bench: Callable[[Any], Any], clock: bool = True) -> None:
    simulator = Simulator(top)
    if clock:
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_adders_add() -> None:
    """Bit heaps are added modulo any power of two: to two rows, and to one row."""
    random = np.random.default_rng(0)
    for _ in range(30):
        heights = random.integers(0, 9, random.integers(1, 8))
        width = int(random.integers(1, 10))
        inputs = [Signal(int(n), name=f"in{k}") if n else None for k, n in enumerate(heights)]
        m = Module()
        adders = Adders(m, cells=False)
        columns: list[list[Any]] = [[] if s is None else [s[i] for i in range(len(s))]
                                    for s in inputs]
        columns[0].append(Const(1, 1))
        rows = adders.two_rows(columns, width)
        m.d.comb += [(low := Signal(width, name="row0")).eq(Cat(rows[0])),
                     (high := Signal(width, name="row1")).eq(Cat(rows[1])),
                     (total := Signal(width, name="total")).eq(adders.add_rows(*rows))]

        async def bench(ctx: Any, inputs: Any = inputs, low: Any = low, high: Any = high,
                        total: Any = total, width: int = width) -> None:
            for _ in range(10):
                expected = 1
                for k, signal in enumerate(inputs):
                    if signal is not None:
                        value = int(random.integers(0, 1 << len(signal)))
                        ctx.set(signal, value)
                        expected += value.bit_count() << k
                mask = (1 << width) - 1
                assert (ctx.get(low) + ctx.get(high)) & mask == expected & mask
                assert ctx.get(total) == expected & mask
        simulate(m, bench, clock=False)


@pytest.mark.parametrize("operands", [3, 9, 25, 49])
def test_adders_have_the_minimum_number_of_cells(operands: int) -> None:
    """There is one full adder per removed bit, and no half adder."""
    bits, m = 12, Module()
    adders = Adders(m, cells=True)
    width = (operands * ((1 << bits) - 1)).bit_length()
    columns: list[list[Any]] = [[Signal() for _ in range(operands)] for _ in range(bits)]
    left = sum(len(row) - sum(isinstance(b, Const) for b in row)
               for row in adders.two_rows(columns, width))
    assert adders.half == 0
    assert adders.full == operands * bits - left


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_latch_rows(rows: int) -> None:
    """A row is transparent in the cycle after ``we``, and can be read in that cycle."""
    random = np.random.default_rng(rows)
    memory = LatchRows(rows=rows, width=6, storage="flop") if rows > 1 else \
        HeldRegister(width=6, storage="flop")

    async def bench(ctx: Any) -> None:
        words, open_row, chosen = [0] * rows, None, 0
        for _ in range(400):
            held = int(random.integers(64))
            we, re = (bool(random.integers(2)) for _ in range(2))
            waddr, raddr = (int(random.integers(rows)) for _ in range(2))
            for port, value in (("we", we), ("re", re), ("waddr", waddr), ("raddr", raddr),
                                ("held", held)):
                ctx.set(getattr(memory, port), value)
            if open_row is not None:
                words[open_row] = held
            assert ctx.get(memory.rdata) == words[chosen]
            open_row = waddr if we else None
            chosen = raddr if re else chosen
            await ctx.tick()
    simulate(memory, bench)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_sum_of_products(kernel: int) -> None:
    """Both halves sum random and extreme operands with random weights."""
    random = np.random.default_rng(kernel)
    shape = CoreShape(ni=1, no=1, kernel=kernel, bits=10, depth=16, bank=16)
    unit = SumOfProducts(shape=shape)
    halves = (slice(0, shape.half_a), slice(shape.half_a, None))

    async def bench(ctx: Any) -> None:
        for k in range(20):
            x = random.integers(-512, 512, shape.products) if k % 3 else \
                random.choice([-512, 511], shape.products)
            w = random.integers(0, 2, shape.products) if k else np.ones_like(x)
            ctx.set(unit.x, sum((int(v) & 1023) << (10 * j) for j, v in enumerate(x)))
            ctx.set(unit.w, sum(int(v) << j for j, v in enumerate(w)))
            for half, products, offset in zip("ab", halves, shape.offsets, strict=True):
                rows = sum(ctx.get(getattr(unit, f"{half}{row}")) for row in (0, 1))
                assert rows == int((x * w)[products].sum()) + offset
    simulate(unit, bench, clock=False)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_every_weight_has_one_position(kernel: int) -> None:
    """In each mode every tap of each output has one product, and one bit among the words."""
    shape = CoreShape(ni=1, no=GROUP, kernel=kernel, depth=16, bank=16)
    for mode, side in enumerate(shape.kernels):
        live = shape.live(mode)
        taps = [shape.operands[j].taps[mode] for j in live]
        sides = range(kernel - side, kernel)
        wanted = [(r, c) for r in sides for c in sides]
        assert sorted(taps) == sorted(wanted * (1 if mode == 0 else 2))
        first = (shape.full_words - shape.weight_words(mode)) * shape.bits
        positions = [shape.weight_bit(mode, unit, j) for unit in range(GROUP) for j in live]
        assert len(set(positions)) == len(positions)
        assert all(first <= bit < shape.full_words * shape.bits for bit in positions)


def test_image_memory_rotates() -> None:
    """The newest columns are read oldest first, whatever slots they are stored in."""
    random = np.random.default_rng(1)
    memory, n, rows = ImageMemory(shape=SMALL), SMALL.columns, 7
    picture = random.integers(0, 512, (11, rows))

    async def bench(ctx: Any) -> None:
        for x in range(len(picture)):
            for y in range(rows):
                ctx.set(memory.re, 1)
                ctx.set(memory.raddr, y)
                ctx.set(memory.slot, x % n)
                ctx.set(memory.we, 0)
                await ctx.tick()
                ctx.set(memory.re, 0)
                row = ctx.get(memory.row)
                if x >= n:
                    found = [row >> (9 * c) & 511 for c in range(n)]
                    assert found == picture[x - n:x, y].tolist()
                ctx.set(memory.we, 1)
                ctx.set(memory.wslot, x % n)
                ctx.set(memory.waddr, y)
                ctx.set(memory.wdata, int(picture[x, y]))
                await ctx.tick()
    simulate(memory, bench)


def test_image_bank_moves() -> None:
    """Each channel has a separate window, which moves up by one row at a time."""
    random = np.random.default_rng(2)
    bank, k = ImageBank(shape=SMALL), SMALL.kernel
    width = k * SMALL.bits

    async def bench(ctx: Any) -> None:
        windows = [[0] * k for _ in range(SMALL.ni)]
        before: int | None = None
        for _ in range(60):
            channel = int(random.integers(SMALL.ni)) if random.random() < 0.8 else None
            ctx.set(bank.re, channel is not None)
            ctx.set(bank.channel, channel or 0)
            ctx.set(bank.move, before is not None)
            ctx.set(bank.moved, before or 0)
            row = int(random.integers(1 << 32))
            ctx.set(bank.row, row)
            await ctx.tick()
            if before is not None:
                windows[before] = [*windows[before][1:], row]
                expected = sum(v << (width * r) for r, v in enumerate(windows[before]))
                assert ctx.get(bank.window) == expected
            before = channel
    simulate(bank, bench)


def test_operands() -> None:
    """Every product reads the pixel of its mode, and zero outside the image."""
    random = np.random.default_rng(3)
    shape = CoreShape(ni=1, no=1, kernel=7, depth=16, bank=16)
    unit, k = Operands(shape=shape), shape.kernel

    async def bench(ctx: Any) -> None:
        for mode, side in enumerate(shape.kernels):
            window = random.integers(1, 4096, (k, k))
            inside = random.integers(0, 2, (2, k))
            inside[:, :k - side] = 0
            ctx.set(unit.mode, mode)
            ctx.set(unit.window, sum(int(v) << (12 * i) for i, v in enumerate(window.ravel())))
            for port, flags in ((unit.rows, inside[0]), (unit.columns, inside[1])):
                ctx.set(port, sum(int(v) << i for i, v in enumerate(flags)))
            masked = window * inside[0][:, None] * inside[1]
            x = ctx.get(unit.x)
            for j, operand in enumerate(shape.operands):
                tap = operand.taps[mode]
                assert x >> (12 * j) & 4095 == (0 if tap is None else masked[tap])
    simulate(unit, bench, clock=False)


def test_clamp() -> None:
    m, value = Module(), Signal(signed(8))
    out = Signal(signed(8))
    m.d.comb += out.eq(clamp(value, 5))

    async def bench(ctx: Any) -> None:
        for v in range(-128, 128):
            ctx.set(value, v)
            assert ctx.get(out) == min(max(v, -16), 15)
    simulate(m, bench, clock=False)


@pytest.mark.parametrize("rounded", [False, True])
def test_scale_and_bias(rounded: bool) -> None:
    """One unit per cycle is emitted: truncated or rounded and clamped, or as the raw sum."""
    random = np.random.default_rng(4)
    shape = CoreShape(ni=2, no=3, kernel=3, acc=14, depth=16, bank=16)
    unit = ScaleBias(shape=shape, width=14)
    scales = random.integers(-2048, 2048, (3, 4))
    sums = random.integers(-8192, 8192, (2, 3))

    async def bench(ctx: Any) -> None:
        for k in range(3):
            ctx.set(unit.we, 1)
            ctx.set(unit.wunit, k)
            await ctx.tick()
            ctx.set(unit.we, 0)
            ctx.set(unit.held, sum((int(v) & 4095) << (12 * i) for i, v in enumerate(scales[k])))
            await ctx.tick()
        for half, port in zip(sums, (unit.a, unit.b), strict=True):
            ctx.set(port, sum((int(v) & 16383) << (14 * i) for i, v in enumerate(half)))
        ctx.set(unit.round, rounded)
        for raw in (False, True):
            ctx.set(unit.raw, raw)
            found = []
            for cycle in range(3 + ScaleBias.LATENCY):
                ctx.set(unit.take, cycle < 3)
                ctx.set(unit.unit, min(cycle, 2))
                if ctx.get(unit.valid):
                    word = ctx.get(unit.word)
                    lanes = (word & 16383, word >> 14)
                    found.append([v - (v >> 13 << 14) for v in lanes])
                await ctx.tick()
            alpha, beta = scales[:, 0::2].T, scales[:, 1::2].T
            scaled = (alpha * sums + (beta << 9) + (256 if rounded else 0)) >> 9
            assert found == (sums if raw else np.clip(scaled, -2048, 2047)).T.tolist()
    simulate(unit, bench)


@pytest.mark.parametrize(("change", "message"), [
    ({"kernel": 9}, "kernel 9"), ({"ni": 0}, "ni 0"), ({"no": 0}, "no 0"), ({"bits": 5}, "bits 5"),
    ({"frac": 12}, "frac 12"), ({"bank": 24, "depth": 48}, "bank 24"),
    ({"depth": 100}, "multiple of bank"), ({"acc": 12}, "acc 12"), ({"storage": "sram"}, "storage"),
    ({"ni": 300, "depth": 256}, "must be at least ni 300")])
def test_invalid_shapes_are_rejected(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoreShape(**change)
