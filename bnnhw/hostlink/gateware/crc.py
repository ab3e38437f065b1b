"""The CRC of a frame, a bit at a time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["SerialCrc"]

_POLYNOMIAL = 0x1021


class SerialCrc(SharedComponent):
    """CRC-16/IBM-3740 (``bnnhw.hostlink.wire.crc16``) of a bit stream, high bit of a byte first.

    Members
    -------
    clear : In(1)
        Begin anew; the same for nothing that passed yet.
    step : In(1)
        Take ``i``.
    rotate : In(1)
        With ``step``: hand out the CRC instead, which 16 steps leave as it was.
    i : In(1)
    o : Out(1)
        The next bit of the CRC, its low byte first.
    """

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "step": In(1), "rotate": In(1), "i": In(1), "o": Out(1)})

    @property
    def module_name(self) -> str:
        return "bnnhw_serial_crc"

    def body(self, platform: Any) -> Module:
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
