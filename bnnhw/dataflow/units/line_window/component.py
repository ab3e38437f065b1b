"""Amaranth component of the line window unit: row memories, and registers for one window."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out

from bnnhw.dataflow.component import NamedUnit
from bnnhw.rtl.positions import constant_of
from bnnhw.rtl.rom import RAM_STYLES

if TYPE_CHECKING:
    from bnnhw.dataflow.units.line_window.params import LineWindowParams

__all__ = ["LineWindow"]


class LineWindow(NamedUnit["LineWindowParams"]):
    """Stores the last rows of a map in one memory each, and slides over them column by column.

    Each step reads one word of every row of the window at once and shifts it into registers that
    hold the columns before it; where those complete a window, it is shown. So a map without
    padding takes one cycle per word of each row in which a window ends, which is the rate at
    which it arrives; padded columns take a cycle each, padded rows none. Frames overlap as in
    ``WindowBuffer``, which also states the rules of latency and of freeing rows.

    Parameters
    ----------
    params : LineWindowParams
        With its depth decided: at least the rows that a window spans.
    module_name : str

    Members
    -------
    i : In(stream)
    o : Out(stream)
        Tap (ky, kx) is word ``ky * KW + kx`` of the input.
    level : Out
        Words whose space is in use.
    """

    def __init__(self, params: LineWindowParams, module_name: str) -> None:
        p = params
        self.width, self.map, self.kernel, self.stride = p.i.bits, p.map, p.kernel, p.stride
        self.dilation, self.out, self.start, self.pads = p.dilation, p.out, p.start, p.pads
        self.banks, self.reach, self.columns = p.banks, p.reach, p.columns
        self.depth = p.banks * p.row_words
        if self.banks < self.reach[0]:
            raise ValueError(f"{self.banks} rows are fewer than the {self.reach[0]} of a window")
        super().__init__(params, module_name, level=Out(range(self.depth + 1)))

    def body(self, platform: object) -> Module:
        m = Module()
        height, _, words = self.map
        frame, row_words = self.params.i.words, self.params.row_words
        step, accepted = Signal(), Signal()
        # Free words minus one, and words that arrived after the one that a step needs, minus one;
        # their signs say whether there are any (see ``WindowBuffer``).
        spare = Signal(range(-1, self.depth + frame), init=self.depth - 1)
        reach = 2 * frame + self.depth
        first_words, unread, jumps = self._jumps()
        slack = Signal(range(-reach, reach), init=-first_words - 1)
        row, column, word = (Signal(range(self.out[0]), name="row"),
                             Signal(range(self.columns), name="column"),
                             Signal(range(words), name="word"))
        word_end, row_end, frame_end = Signal(), Signal(), Signal()
        m.d.comb += [
            word_end.eq(word == words - 1),
            row_end.eq(word_end & (column == self.columns - 1)),
            frame_end.eq(row_end & (row == self.out[0] - 1)),
            accepted.eq(self.i.valid & self.i.ready),
            self.i.ready.eq(~spare[-1]),
            self.level.eq(Mux(spare >= self.depth, 0, self.depth - 1 - spare)),
        ]
        with m.If(step):
            m.d.sync += word.eq(Mux(word_end, 0, word + 1))
            with m.If(word_end):
                m.d.sync += column.eq(Mux(row_end, 0, column + 1))
            with m.If(row_end):
                m.d.sync += row.eq(Mux(frame_end, 0, row + 1))
        freed = constant_of(m, "behind", row, self.params.releases())
        jump = constant_of(m, "jump", row, jumps)
        # The first row of the window, in the map and among the banks.
        top = Signal(range(min(self.start[0], 0) - 1,
                           max(self.start[0] + self.out[0] * self.stride[0], 1)),
                     init=self.start[0])
        bank = Signal(range(self.banks), init=self.start[0] % self.banks)
        address = Signal(range(row_words))
        inside = self._inside(m, step & word_end, row_end)
        with m.If(step & row_end):
            m.d.sync += address.eq(max(self.start[1], 0) * words)
        with m.Elif(step & inside):
            m.d.sync += address.eq(Mux(address == row_words - 1, 0, address + 1))
        with m.If(step & row_end):
            m.d.sync += [
                top.eq(Mux(frame_end, self.start[0], top + self.stride[0])),
                bank.eq(self._turned(m, "next_bank", bank, Mux(
                    frame_end, self._modulo_banks(height - (self.out[0] - 1) * self.stride[0]),
                    self._modulo_banks(self.stride[0])))),
            ]
        rows_in = self._rows(m, top, height)
        gone = Signal.like(freed, name="gone")
        move = Signal.like(jump, name="move")
        m.d.comb += [
            gone.eq(Mux(row_end, freed, 0)),
            move.eq(Mux(row_end, jump, inside)),
            step.eq(((~frame_end & (~inside | ~Cat(rows_in).any()))
                     | Mux(frame_end, slack >= unread, ~slack[-1]))
                    & (~self.o.valid | self.o.ready)),
        ]
        m.d.sync += [
            spare.eq(Mux(step, spare - accepted + gone, spare - accepted)),
            slack.eq(Mux(step, slack + accepted - move, slack + accepted)),
        ]
        data = self._memories(m, accepted, step, address, row_words)
        pads = [Signal(name=f"pad{k}") for k in range(self.kernel[0])]
        pad_word = Signal(self.width)
        with m.If(step), m.Switch(word):
            for k, value in enumerate(self.pads):
                with m.Case(k):
                    m.d.sync += pad_word.eq(value)
        shown_bank = Signal.like(bank)
        emit = self._emits(m, column)
        with m.If(step):
            m.d.sync += [shown_bank.eq(bank), self.o.valid.eq(emit)]
            m.d.sync += [p.eq(~(inside & r)) for p, r in zip(pads, rows_in, strict=True)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        self._window(m, step, data, shown_bank, pads, pad_word)
        return m

    def _inside(self, m: Module, advance: Value, row_end: Value) -> Value:
        """Return whether the column of the current step is inside the map."""
        columns, start = self.map[1], self.start[1]
        if start >= 0 and start + self.columns <= columns:
            return Const(1)
        at = Signal(range(-columns - abs(start) - 1, columns + self.columns + 1), init=start)
        inside = Signal()
        m.d.comb += inside.eq((at >= 0) & (at < columns))
        with m.If(advance):
            m.d.sync += at.eq(Mux(row_end, start, at + 1))
        return inside

    def _modulo_banks(self, rows: int) -> int:
        return rows % self.banks

    def _turned(self, m: Module, name: str, bank: Value, rows: ValueLike) -> Value:
        """``(bank + rows) % banks`` for rows under ``banks``."""
        total = Signal(range(2 * self.banks), name=name)
        m.d.comb += total.eq(bank + rows)
        return Mux(total >= self.banks, total - self.banks, total)

    def _jumps(self) -> tuple[int, int, list[int]]:
        """Movements of the pointer to the word that a step waits for.

        Returns its first word, the words of the frame after it at the last step, and its jump
        after the last step of each output row.
        """
        height, columns, words = self.map
        lowest = []
        for k in range(self.out[0]):
            rows = [self.start[0] + k * self.stride[0] + t * self.dilation[0]
                    for t in range(self.kernel[0])]
            lowest.append(max([r for r in rows if 0 <= r < height], default=0))
        begin = max(self.start[1], 0) * words
        end = min(self.start[1] + self.columns, columns) * words
        last_inside = self.start[1] + self.columns <= columns
        firsts = [low * columns * words + begin for low in lowest]
        firsts.append(firsts[0] + height * columns * words)
        passed = max(end - begin, 0) - int(last_inside)
        unread = height * columns * words - 1 - (firsts[-2] + passed)
        return firsts[0], unread, [b - a - passed for a, b in itertools.pairwise(firsts)]

    def _rows(self, m: Module, top: Signal, height: int) -> list[Value]:
        """Return which tap rows are inside the map."""
        last = self.start[0] + (self.out[0] - 1) * self.stride[0] + self.reach[0]
        if self.start[0] >= 0 and last <= height:
            return [Const(1)] * self.kernel[0]
        inside: list[Value] = []
        for k in range(self.kernel[0]):
            row = top + k * self.dilation[0]
            flag = Signal(name=f"row{k}_inside")
            m.d.comb += flag.eq((row >= 0) & (row < height))
            inside.append(flag)
        return inside

    def _memories(self, m: Module, accepted: Signal, step: Signal, address: Signal,
                  row_words: int) -> list[Value]:
        """Make one memory per bank; return the word that was read from each."""
        to_bank, to_word = Signal(range(self.banks)), Signal(range(row_words))
        with m.If(accepted):
            m.d.sync += to_word.eq(Mux(to_word == row_words - 1, 0, to_word + 1))
            with m.If(to_word == row_words - 1):
                m.d.sync += to_bank.eq(Mux(to_bank == self.banks - 1, 0, to_bank + 1))
        data = []
        for k in range(self.banks):
            memory = Memory(shape=self.width, depth=row_words, init=[],
                            attrs=RAM_STYLES[self.params.style])
            m.submodules[f"row{k}"] = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(to_word), write.data.eq(self.i.payload),
                write.en.eq(accepted & (to_bank == k)),
                read.addr.eq(address), read.en.eq(step),
            ]
            data.append(read.data)
        return data

    def _emits(self, m: Module, column: Signal) -> Value:
        """Return whether a window ends in this column."""
        ends = self.reach[1] - 1
        if self.stride[1] == 1:
            return column >= ends
        emit = Signal()
        with m.Switch(column):
            for k in range(self.out[1]):
                with m.Case(ends + k * self.stride[1]):
                    m.d.comb += emit.eq(1)
        return emit

    def _window(self, m: Module, step: Signal, data: list[Value], bank: Signal,
                pads: list[Signal], pad_word: Signal) -> None:
        """Show the column that was read, and those before it, as a window."""
        words = self.map[2]
        column = []
        banks = Array(data)
        for k in range(self.kernel[0]):
            chosen = Signal(self.width, name=f"tap_row{k}")
            at = self._turned(m, f"tap_bank{k}", bank, self._modulo_banks(k * self.dilation[0]))
            m.d.comb += chosen.eq(Mux(pads[k], pad_word, banks[at]))
            column.append(chosen)
        history = [Cat(column)]
        for k in range((self.reach[1] - 1) * words):
            before = Signal(self.kernel[0] * self.width, name=f"column{k}")
            with m.If(step):
                m.d.sync += before.eq(history[-1])
            history.append(before)
        taps = []
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                ago = (self.reach[1] - 1 - kx * self.dilation[1]) * words
                taps.append(history[ago].word_select(ky, self.width))
        m.d.comb += self.o.payload.eq(Cat(taps))
