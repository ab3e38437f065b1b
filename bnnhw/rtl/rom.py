"""ROM with one synchronous read port."""

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
"""Kinds of memory, and the attribute by which Yosys selects each. ``distributed`` is an error for
read-only memories in Yosys, so ROMs in LUTs are requested as a block of logic."""


RAM_STYLES: dict[str, dict[str, Any]] = {"block": {"ram_style": "block"}, "auto": {}}
"""The same for RAM; ``auto`` leaves the choice to synthesis."""


class Rom(wiring.Component):
    """Stores constants; ``data`` is the word at the address of the cycle before.

    Parameters
    ----------
    words : list of int
        Contents, each of ``width`` bits.
    width : int
    style : str
        A key of ``STYLES``; ignored for a single word, which becomes a constant.
    """

    def __init__(self, *, words: list[int], width: int, style: str) -> None:
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
        self.words = words
        self.width = width
        self.style = style
        super().__init__({"addr": In(range(len(words))), "data": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if len(self.words) == 1:
            m.d.comb += self.data.eq(self.words[0])
            return m
        m.submodules.words = memory = Memory(shape=self.width, depth=len(self.words),
                                             init=self.words, attrs=STYLES[self.style])
        port = memory.read_port()
        m.d.comb += [port.addr.eq(self.addr), self.data.eq(port.data)]
        return m
