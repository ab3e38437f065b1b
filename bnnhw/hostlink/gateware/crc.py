"""Bit-serial CRC of a frame."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["SerialCrc"]

_POLYNOMIAL = 0x1021


class SerialCrc(SharedComponent):
    """Computes the CRC-16/IBM-3740 (``bnnhw.hostlink.wire.crc16``) of a bit stream.

    Bytes arrive most significant bit first.

    Members
    -------
    clear : In(1)
        Set the CRC to its initial value.
    step : In(1)
        Process ``i``.
    rotate : In(1)
        With ``step``: rotate the CRC instead; 16 rotations restore it.
    i : In(1)
        Next bit of the stream.
    o : Out(1)
        Next bit of the CRC, low byte first.
    """

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "step": In(1), "rotate": In(1), "i": In(1), "o": Out(1)})

    @property
    def module_name(self) -> str:
        return "bnnhw_serial_crc"

    def body(self, platform: object) -> Module:
        m = Module()
        crc = Signal(16, init=0xFFFF, reset_less=True)
        back = Signal()
        m.d.comb += [back.eq((crc[15] ^ self.i) & ~self.rotate), self.o.eq(crc[7])]
        bits = [Mux(self.rotate, crc[15], back)]
        bits += [crc[k - 1] ^ (back if _POLYNOMIAL >> k & 1 else 0) for k in range(1, 16)]
        with m.If(self.clear):
            m.d.sync += crc.eq(0xFFFF)
        with m.Elif(self.step):
            m.d.sync += crc.eq(Cat(bits))
        return m
