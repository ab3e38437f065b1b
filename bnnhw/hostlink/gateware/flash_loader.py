"""Loads the weights from the SPI flash of a board, once after power-on."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.wire.weights import HEADER_WORDS, PART_BITS
from bnnhw.rtl.shared import SharedComponent

__all__ = ["MAX_SPI_HZ", "FlashLoader"]

MAX_SPI_HZ = 20e6
"""Largest SPI clock in Hz at which every flash supports the read command 0x03."""
_RELEASE, _READ = 0xAB, 0x03
_CRC32 = Algorithm(crc_width=32, polynomial=0x04C11DB7, initial_crc=0xFFFFFFFF,
                   reflect_input=True, reflect_output=True, xor_output=0xFFFFFFFF)


class FlashLoader(SharedComponent):
    """Reads header and image (``bnnhw.hostlink.wire.weights``) and checks their CRC-32.

    It wakes up the flash first. The interface uses SPI mode 0. A bit takes ``2 * half`` cycles;
    ``miso`` is sampled at the falling clock edge, an entire bit after the flash began to drive it.
    Header and image are read with a single command. The CRC is computed bit-serially, one byte
    after the data.

    Parameters
    ----------
    words : int
        Length of the image in 16-bit words.
    crc : int
        Expected CRC-32 of header and image.
    offset : int
        Address in the flash, 24 bits.
    half : int
        Clock cycles of half a bit.
    settle : int
        Clock cycles that the flash needs to wake up.

    Members
    -------
    cs : Out(1)
        Chip select, active low.
    sck, mosi : Out(1)
    miso : In(1)
    load_begin : Out(1)
        1 until the first word of the image arrives.
    load_valid : Out(1)
        1 for one cycle per word.
    load_data : Out(16)
        Word of the image.
    loading : Out(1)
        1 until the CRC has been checked.
    bad : Out(1)
        The CRC is not the expected one.

    Raises
    ------
    ValueError
        ``half`` is not positive, or ``offset`` does not fit in 24 bits.
    """

    def __init__(self, *, words: int, crc: int, offset: int, half: int, settle: int) -> None:
        if half < 1 or not 0 <= offset < 1 << 24:
            raise ValueError(f"half {half!r} must be positive, offset {offset!r} must have 24 bits")
        self.words, self.crc, self.offset = words, crc, offset
        self.half, self.settle = half, settle
        super().__init__({
            "cs": Out(1, init=1), "sck": Out(1), "mosi": Out(1), "miso": In(1),
            "load_begin": Out(1), "load_valid": Out(1), "load_data": Out(PART_BITS),
            "loading": Out(1, init=1), "bad": Out(1),
        })

    @property
    def module_name(self) -> str:
        return "bnnhw_flash_loader"

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = _CRC32(data_width=1).create()
        # Both commands, most significant bit first.
        commands = _RELEASE << 32 | _READ << 24 | self.offset
        bits = Const(int(f"{commands:040b}"[::-1], 2), 40)
        position = Signal(range(40), name="place")
        word = Signal(PART_BITS)
        byte = Signal(8)  # the previous byte, for the CRC, least significant bit first
        fed = Signal()  # ``byte`` is valid
        header = Signal(init=1)
        count = Signal(range(HEADER_WORDS + self.words + 1))
        waited = Signal(range(max(2, self.settle)))
        fall = self._clock(m)
        m.d.comb += [
            self.mosi.eq(bits.bit_select(position, 1)),
            self.load_begin.eq(header),
            # The flash sends the low byte first, and of each byte the most significant bit first.
            self.load_data.eq(Cat(word[8:], word[:8])),
            crc.data.eq(byte[0]),
        ]
        m.d.sync += self.load_valid.eq(0)
        with m.FSM(name="loader"):
            with m.State("WAKE"):
                m.d.sync += self.cs.eq(0)
                with m.If(fall):
                    m.d.sync += position.eq(position + 1)
                    with m.If(position == 7):
                        m.d.sync += self.cs.eq(1)
                        m.next = "SETTLE"
            with m.State("SETTLE"):
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self.settle - 1):
                    m.next = "READ"
            with m.State("READ"):
                m.d.sync += self.cs.eq(0)
                m.d.comb += crc.start.eq(1)
                with m.If(fall):
                    m.d.sync += position.eq(position + 1)
                    with m.If(position == 39):
                        m.d.sync += position.eq(0)
                        m.next = "DATA"
            with m.State("DATA"), m.If(fall):
                m.d.comb += crc.valid.eq(fed)
                m.d.sync += [
                    word.eq(Cat(self.miso, word)), byte.eq(byte[1:]),
                    position.eq(Mux(position == PART_BITS - 1, 0, position + 1)),
                ]
                with m.If(position[:3] == 7):
                    m.d.sync += [byte.eq(Cat(self.miso, word[:7])), fed.eq(1)]
                with m.If(position == PART_BITS - 1):
                    m.d.sync += [count.eq(count + 1), self.load_valid.eq(~header)]
                    with m.If(count == HEADER_WORDS - 1):
                        m.d.sync += header.eq(0)
                # One byte after the image: the CRC has processed the last byte of it.
                with m.If((position == 7) & (count == HEADER_WORDS + self.words)):
                    m.d.sync += self.cs.eq(1)
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.sync += [self.loading.eq(0), self.bad.eq(crc.crc != self.crc)]
                m.next = "DONE"
            with m.State("DONE"):
                pass
        return m

    def _clock(self, m: Module) -> Signal:
        """Generate the SPI clock while the flash is selected; return whether it falls."""
        time = Signal(range(max(2, self.half)))
        edge, fall = Signal(), Signal()
        m.d.comb += [edge.eq(time == self.half - 1), fall.eq(edge & self.sck)]
        with m.If(self.cs):
            m.d.sync += [time.eq(0), self.sck.eq(0)]
        with m.Else():
            m.d.sync += time.eq(Mux(edge, 0, time + 1))
            with m.If(edge):
                m.d.sync += self.sck.eq(~self.sck)
        return fall
