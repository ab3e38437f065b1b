"""Tests ROMs that are loaded at start-up: the load port, and the loader with a simulated flash."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.hostlink.gateware.flash_loader import FlashLoader
from bnnhw.hostlink.wire.weights import LoadedMemory, WeightImage, check_weights
from bnnhw.rtl.spram import Loader, SpramRom
from tests.networks import Choices, DrawnChoices, SeededChoices, examples

SIZES = st.lists(st.tuples(st.integers(2, 9), st.integers(1, 40)), min_size=1, max_size=4)


def run(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def image_of(choices: Choices,
             sizes: list[tuple[int, int]]) -> tuple[WeightImage, list[list[int]]]:
    """Make memories of the given depths and widths, and the image that loads them."""
    contents = [choices.integers(0, (1 << width) - 1, depth).tolist() for depth, width in sizes]
    memories = [LoadedMemory(f"fc{k}", *size) for k, size in enumerate(sizes)]
    return WeightImage.of(zip(memories, contents, strict=True)), contents


@examples(25)
@given(SIZES, st.data())
def test_counters_write_each_word_to_its_address(sizes: list[tuple[int, int]],
                                                 data: st.DataObject) -> None:
    image, contents = image_of(DrawnChoices(data.draw), sizes)
    words = [int.from_bytes(image.data[k:k + 2], "little") for k in range(0, len(image.data), 2)]
    assert len(words) == image.words == sum(memory.length for memory in image.memories)
    found = [[0] * depth for depth, _ in sizes]
    loader = Loader(image.memories)

    async def bench(ctx: Any) -> None:
        for start in (len(words) // 2, 0):  # loading can restart before it ends
            ctx.set(loader.begin, 1)
            await ctx.tick()
            ctx.set(loader.begin, 0)
            for word in words[start:] if start else words:
                assert not ctx.get(loader.loaded)
                ctx.set(loader.valid, 1)
                hit = ctx.get(loader.write)
                assert hit.bit_count() == 1
                memory = hit.bit_length() - 1
                if not start:
                    found[memory][ctx.get(loader.at)] |= word << 16 * ctx.get(loader.part)
                await ctx.tick()
                ctx.set(loader.valid, 0)
                await ctx.tick()
        assert ctx.get(loader.loaded)
        ctx.set(loader.valid, 1)  # words after the last one are ignored
        assert ctx.get(loader.write) == 0
        await ctx.tick()
        assert ctx.get(loader.loaded)

    run(loader, bench)
    assert found == contents


class Flash:
    """Simulates the pins of an SPI flash, one clock cycle of the board at a time."""

    def __init__(self, content: bytes, offset: int):
        self.content, self.offset = content, offset
        self.bits: list[int] = []
        self.commands: list[list[int]] = []
        self.was = (1, 0)
        self.out = 1

    def step(self, cs: int, sck: int, mosi: int) -> int:
        was_cs, was_sck = self.was
        self.was = (cs, sck)
        if cs and not was_cs:
            self.commands.append(self.bits)
            self.bits = []
        elif not cs and sck and not was_sck:
            self.bits.append(mosi)
        elif not cs and was_sck and not sck and len(self.bits) >= 32:
            address = int("".join(map(str, self.bits[8:32])), 2) - self.offset
            at, bit = divmod(len(self.bits) - 32, 8)
            byte = self.content[address + at] if 0 <= address + at < len(self.content) else 255
            self.out = byte >> (7 - bit) & 1
        return self.out


@pytest.mark.parametrize(("half", "offset", "flip"), [(1, 0x100000, None), (2, 0x2A5F, None),
                                                      (3, 0, 7), (1, 0x100000, 30)])
def test_the_loader_reads_and_checks_the_flash(half: int, offset: int, flip: int | None) -> None:
    image, _ = image_of(SeededChoices(1), [(5, 20), (3, 7)])
    content = bytearray(image.flash(b"digest of it"))
    assert check_weights(bytes(content)) is None
    if flip is not None:
        content[flip] ^= 4
        assert check_weights(bytes(content))
    flash = Flash(bytes(content), offset)
    loader = FlashLoader(words=image.words, crc=image.flash_crc(b"digest of it"), offset=offset,
                         half=half, settle=11)
    got: list[int] = []

    async def bench(ctx: Any) -> None:
        begun = False
        for _ in range(2 * half * (8 * len(content) + 60) + 100):
            ctx.set(loader.miso, flash.step(*(ctx.get(p) for p in
                                              (loader.cs, loader.sck, loader.mosi))))
            if ctx.get(loader.load_valid):
                assert not ctx.get(loader.load_begin)
                got.append(ctx.get(loader.load_data))
            begun |= bool(ctx.get(loader.load_begin))
            if not ctx.get(loader.loading):
                break
            assert not ctx.get(loader.bad)
            await ctx.tick()
        assert begun
        assert not ctx.get(loader.loading)
        assert ctx.get(loader.cs)
        assert ctx.get(loader.bad) == (flip is not None)

    run(loader, bench)
    release, read = flash.commands
    assert release == [1, 0, 1, 0, 1, 0, 1, 1]
    assert int("".join(map(str, read[:32])), 2) == 0x03 << 24 | offset
    body = bytes(content[16:16 + len(image.data)])
    assert b"".join(word.to_bytes(2, "little") for word in got) == body


def test_a_loaded_memory_is_read_like_a_rom() -> None:
    words = [3, 1, 4, 1, 5, 9]
    rom = SpramRom(module_name="rom", words=words, width=5)

    async def bench(ctx: Any) -> None:
        for at in (5, 0, 2, 2, 4):
            ctx.set(rom.addr, at)
            await ctx.tick()
            assert ctx.get(rom.data) == words[at]

    run(rom, bench)
    with pytest.raises(ValueError, match="two words"):
        SpramRom(module_name="rom", words=[1], width=5)


def test_cells_of_a_loaded_memory() -> None:
    text = SpramRom(module_name="deep", words=[0] * 20000, width=20).text
    assert text.count("SB_SPRAM256KA cell") == 4
    assert ".WREN(load && load_part == 1'd1 && at[14:14] == 1)" in text
    assert "row == 0 ? row0[19:0] : row1[19:0]" in text
    text = SpramRom(module_name="flat", words=[0] * 9, width=16).text
    assert ".ADDRESS({10'd0, at})" in text
    assert ".WREN(load)" in text
