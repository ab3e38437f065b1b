"""Output memory: stores the last output frame and the identity, and outputs them bit by bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.frame_input import row_address
from bnnhw.hostlink.gateware.shift_counter import shifted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["FrameOutput", "output_depth"]


def _identity_rows(out_bytes: int, identity_bytes: int) -> int:
    """Return the number of words of the identity."""
    return -(-identity_bytes // out_bytes)


def output_depth(out_bytes: int, out_words: int, identity_bytes: int) -> int:
    """Return the words of the memory for an output frame and the identity; 0 without memory."""
    if out_words == 1:
        return 0
    return 1 << (out_words + _identity_rows(out_bytes, identity_bytes) - 1).bit_length()


class FrameOutput(SharedComponent):
    """Stores the last output frame and the identity.

    A frame of a single word is stored in a shift register, and the identity in a ROM of bits.
    Larger frames are stored in a memory, whose remaining words contain the identity.

    Parameters
    ----------
    out_bytes, out_words : int
        Bytes per word and words per frame.
    identity : bytes
        A packed ``bnnhw.hostlink.wire.Identity``.

    Members
    -------
    rewind : In(1)
        Continue with the first word.
    identify : In(1)
        Output the identity.
    jump : In(1)
        Continue with the first word of the identity.
    left : In
        Complement of the number of bytes that remain to be read.
    running : In(1)
        Store words of the accelerator. Otherwise they are dropped, such as those of an aborted run.
    from_core : In(stream)
        Words of the accelerator.
    got : Out(1)
        The last word of a frame arrives in this cycle.
    lane, bit : In, In(3)
        Byte of the word, and the number of its bit: 0 is the most significant one. Valid from two
        cycles after ``rewind``, ``jump`` or ``following``.
    o : Out(1)
        The bit, one cycle later.
    step : In(1)
        The bit was read.
    following : In(1)
        Continue with the next word.
    """

    def __init__(self, *, out_bytes: int, out_words: int, identity: bytes) -> None:
        self.out_bytes, self.out_words, self.identity = out_bytes, out_words, identity
        super().__init__({
            "identify": In(1), "jump": In(1), "left": In(len(identity).bit_length()),
            "rewind": In(1), "running": In(1), "from_core": In(stream.Signature(8 * out_bytes)),
            "got": Out(1), "lane": In(range(max(2, out_bytes))), "bit": In(3), "o": Out(1),
            "step": In(1), "following": In(1),
        })

    @property
    def rows(self) -> int:
        """Words of the identity."""
        return _identity_rows(self.out_bytes, len(self.identity))

    @property
    def depth(self) -> int:
        """Words of the memory; 0 without memory."""
        return output_depth(self.out_bytes, self.out_words, len(self.identity))

    @property
    def module_name(self) -> str:
        return f"bnnhw_frame_output_{self.out_words}x{self.out_bytes}_{self.identity.hex()[2:18]}"

    def body(self, platform: object) -> Module:
        m = Module()
        take = Signal()
        m.d.comb += [self.from_core.ready.eq(1), take.eq(self.running & self.from_core.valid)]
        if not self.depth:
            word = Signal(8 * self.out_bytes, reset_less=True)
            constant = Signal(reset_less=True)
            m.d.sync += constant.eq(self._identity_bit())
            m.d.comb += [self.got.eq(take), self.o.eq(Mux(self.identify, constant, word[7]))]
            with m.If(take):
                m.d.sync += word.eq(self.from_core.payload)
            with m.Elif(self.step):  # rotates: the word is restored once it has been read
                m.d.sync += word.eq(shifted(word, word[7]))
            return m
        rows, depth = self.rows, self.depth
        words = [int.from_bytes(self.identity[k * self.out_bytes:][:self.out_bytes], "little")
                 for k in range(rows)]
        m.submodules.memory = memory = Memory(
            shape=8 * self.out_bytes, depth=depth, init=[0] * (depth - rows) + words[::-1],
            attrs={"no_rw_check": 1})
        writer, reader = memory.write_port(), memory.read_port(transparent_for=())
        at, last = row_address(m, depth, self.out_words - 1, self.rewind | self.got,
                               take | self.following, self.jump)
        m.d.comb += [
            writer.addr.eq(at), writer.data.eq(self.from_core.payload), writer.en.eq(take),
            reader.addr.eq(at), reader.en.eq(1), self.got.eq(take & last),
        ]
        bit = Signal(reset_less=True)
        m.d.comb += self.o.eq(bit)
        m.d.sync += bit.eq(reader.data.bit_select(Cat(~self.bit, self.lane), 1))
        return m

    def _identity_bit(self) -> Value:
        """Return the bit of the identity, from a ROM addressed by ``left`` and ``bit``."""
        addresses = 1 << len(self.left)
        rom = 0
        for k, byte in enumerate(self.identity):
            left = addresses - 1 - (len(self.identity) - k)
            rom |= sum((byte >> 7 - bit & 1) << 8 * left + bit for bit in range(8))
        return Const(rom, 8 * addresses).bit_select(Cat(self.bit, self.left), 1)
