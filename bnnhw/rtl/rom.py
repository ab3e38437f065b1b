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
    in_luts : int
        Columns, the highest ones, that lie in lookup tables whatever the style says.
    """

    def __init__(self, *, words: list[int], width: int, style: str, in_luts: int = 0) -> None:
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
        if not 0 <= in_luts <= width:
            raise ValueError(f"{in_luts} columns of {width} cannot lie in lookup tables")
        self.words = words
        self.width = width
        self.style = style
        self.in_luts = in_luts
        super().__init__({"addr": In(range(len(words))), "data": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if len(self.words) == 1:
            m.d.comb += self.data.eq(self.words[0])
            return m
        first = self.width - self.in_luts
        for name, low, width, style in (("words", 0, first, self.style),
                                        ("words_in_luts", first, self.in_luts, "lut")):
            if not width:
                continue
            columns = [word >> low & ((1 << width) - 1) for word in self.words]
            m.submodules[name] = memory = Memory(shape=width, depth=len(columns), init=columns,
                                                 attrs=STYLES[style])
            port = memory.read_port()
            m.d.comb += [port.addr.eq(self.addr), self.data[low:low + width].eq(port.data)]
        return m
