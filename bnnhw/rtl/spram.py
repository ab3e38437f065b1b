"""ROMs in single-port memories that are loaded at start-up (SPRAM of iCE40 UltraPlus).

The Verilog has two forms. With ``SYNTHESIS`` or ``BNNHW_SPRAM`` defined, it instantiates cells
``SB_SPRAM256KA``, which are empty until they are loaded. Otherwise, as in plain simulation, it is a
ROM that has its contents from the start and ignores its load port.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.wire.weights import CELL_WORDS, PART_BITS, LoadedMemory
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import NamedComponent, WrittenComponent

__all__ = ["Loader", "SpramRom", "load_ports"]


def load_ports(depth: int, width: int) -> dict[str, wiring.Member]:
    """Ports through which a ROM is loaded.

    ``load`` writes ``load_data`` (16 bits) to part ``load_part`` of the word ``load_at``.
    """
    return {"load": In(1), "load_at": In(range(depth)),
            "load_part": In(max(1, (-(-width // PART_BITS) - 1).bit_length())),
            "load_data": In(PART_BITS)}


class SpramRom(NamedComponent, WrittenComponent):
    """A ROM that is loaded at start-up; ``data`` is the word at the ``addr`` of the previous cycle.

    A cycle with ``load`` writes; ``data`` is undefined in the cycle after it.

    Parameters
    ----------
    module_name : str
    words : list of int
        At least two, each of ``width`` bits: contents for simulation.
    width : int

    Members
    -------
    addr : In(range(len(words)))
    data : Out(width)
    load, load_at, load_part, load_data : In
        See ``load_ports``.
    """

    def __init__(self, *, module_name: str, words: list[int], width: int) -> None:
        if len(words) < 2:
            raise ValueError("a loaded ROM needs at least two words")
        self.words, self.width = words, width
        super().__init__(module_name, {"addr": In(range(len(words))), "data": Out(width),
                                       **load_ports(len(words), width)})

    @property
    def cuts(self) -> int:
        return 1

    @property
    def text(self) -> str:
        address, part, width = len(self.addr), len(self.load_part), self.width
        return f"""\
`ifdef SYNTHESIS
`define BNNHW_SPRAM
`endif
module {self.module_name}(clk, addr, data, load, load_at, load_part, load_data);
  input clk;
  input [{address - 1}:0] addr;
  output [{width - 1}:0] data;
  input load;
  input [{address - 1}:0] load_at;
  input [{part - 1}:0] load_part;
  input [{PART_BITS - 1}:0] load_data;
`ifdef BNNHW_SPRAM
{self._cells()}`else
  reg [{width - 1}:0] words [{len(self.words) - 1}:0];
  reg [{width - 1}:0] word;
  assign data = word;
  always @(posedge clk)
    word <= words[addr];
  initial begin
{self._contents()}  end
`endif
endmodule
"""

    def _contents(self) -> str:
        return "".join(f"    words[{k}] = {self.width}'h{word:x};\n"
                       for k, word in enumerate(self.words))

    def _cells(self) -> str:
        """Instances of SPRAM cells: columns for the parts of a word, rows for the addresses."""
        address, part = len(self.addr), len(self.load_part)
        parts = -(-self.width // PART_BITS)
        rows = -(-len(self.words) // CELL_WORDS)
        row_bits = CELL_WORDS.bit_length() - 1
        inner = f"at[{row_bits - 1}:0]" if address >= row_bits else \
            f"{{{row_bits - address}'d0, at}}"
        lines = [f"  wire [{address - 1}:0] at = load ? load_at : addr;"]
        for row in range(rows):
            lines.append(f"  wire [{parts * PART_BITS - 1}:0] row{row};")
            here = f" && at[{address - 1}:{row_bits}] == {row}" if rows > 1 else ""
            for k in range(parts):
                select = f" && load_part == {part}'d{k}" if parts > 1 else ""
                lines.append(
                    f"  SB_SPRAM256KA cell{row}_{k} (.ADDRESS({inner}), .DATAIN(load_data), "
                    f".MASKWREN(4'hf), .WREN(load{select}{here}), .CHIPSELECT(1'b1), .CLOCK(clk), "
                    f".STANDBY(1'b0), .SLEEP(1'b0), .POWEROFF(1'b1), "
                    f".DATAOUT(row{row}[{PART_BITS * k} +: {PART_BITS}]));")
        if rows > 1:
            lines += [f"  reg [{address - row_bits - 1}:0] row;",
                      f"  always @(posedge clk) row <= at[{address - 1}:{row_bits}];"]
        shown = f"row{rows - 1}[{self.width - 1}:0]"
        for row in reversed(range(rows - 1)):
            shown = f"row == {row} ? row{row}[{self.width - 1}:0] : {shown}"
        return "\n".join([*lines, f"  assign data = {shown};"]) + "\n"

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = rom = Rom(words=self.words, width=self.width, style="block")
        m.d.comb += [rom.addr.eq(self.addr), self.data.eq(rom.data)]
        return m


class Loader(wiring.Component):
    """Assigns the words of an image to the addresses of its ROMs, one after another.

    Its registers are not reset: a reset of the core keeps the loaded contents.

    Parameters
    ----------
    memories : sequence of LoadedMemory
        In the order of the image.

    Members
    -------
    begin : In(1)
        The next word is the first one of the image.
    valid : In(1)
        A word arrives; never together with ``begin``.
    write : Out(len(memories))
        The ROM that it belongs to, one bit for each.
    at, part : Out
        Address of the word in the ROM, and the part of that word.
    loaded : Out(1)
        All words have arrived. Further ones are ignored.
    """

    def __init__(self, memories: Sequence[LoadedMemory]) -> None:
        self.memories = tuple(memories)
        super().__init__({
            "begin": In(1), "valid": In(1), "write": Out(len(self.memories)),
            "at": Out(range(max(memory.depth for memory in self.memories))),
            "part": Out(max(1, (max(memory.parts for memory in self.memories) - 1).bit_length())),
            "loaded": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at, part, loaded = (Signal.like(signal, name=name, reset_less=True) for name, signal in
                            (("count", self.at), ("part_count", self.part),
                             ("all", self.loaded)))
        table = Signal(range(max(2, len(self.memories))), reset_less=True)
        last_part, last_word, last_table = Signal(), Signal(), Signal()
        m.d.comb += [self.at.eq(at), self.part.eq(part), self.loaded.eq(loaded),
                     last_table.eq(table == len(self.memories) - 1)]
        with m.Switch(table):
            for k, one in enumerate(self.memories):
                with m.Case(k):
                    m.d.comb += [self.write[k].eq(self.valid & ~loaded),
                                 last_part.eq(part == one.parts - 1),
                                 last_word.eq(at == one.depth - 1)]
        with m.If(self.begin):
            m.d.sync += [at.eq(0), part.eq(0), table.eq(0), loaded.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += part.eq(Mux(last_part, 0, part + 1))
            with m.If(last_part):
                m.d.sync += at.eq(Mux(last_word, 0, at + 1))
            with m.If(last_part & last_word):
                m.d.sync += [table.eq(table + 1), loaded.eq(loaded | last_table)]
        return m
