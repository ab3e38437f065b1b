"""A read-only table with one synchronous read port."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["RAM_STYLES", "STYLES", "Rom"]

STYLES: dict[str, dict[str, Any]] = {
    "block": {"rom_style": "block"},
    "lut": {"logic_block": 1},
}
"""Storage, and the attribute that open synthesis understands for it. ``distributed`` is an error
for read-only memories in Yosys, so LUT storage asks for a block of logic."""


RAM_STYLES: dict[str, dict[str, Any]] = {"block": {"ram_style": "block"}, "auto": {}}
"""The same for memories that the hardware writes; ``auto`` leaves the choice to synthesis."""


class Rom(wiring.Component):
    """Hold constants; ``data`` is the word of the ``addr`` of the cycle before.

    Parameters
    ----------
    words : list of int
        Contents, each of ``width`` bits.
    width : int
    style : str
        A key of ``STYLES``; not used where there is one word, which is then a constant.
    """

    def __init__(self, *, words: list[int], width: int, style: str) -> None:
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
        self.words = words
        self.width = width
        self.style = style
        super().__init__({"addr": In(range(len(words))), "data": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if len(self.words) == 1:
            m.d.comb += self.data.eq(self.words[0])
            return m
        m.submodules.words = memory = Memory(shape=self.width, depth=len(self.words),
                                             init=self.words, attrs=STYLES[self.style])
        port = memory.read_port()
        m.d.comb += [port.addr.eq(self.addr), self.data.eq(port.data)]
        return m
