"""Amaranth component of the sliding window unit (SWU): a line buffer read in nested loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out

from bnnhw.dataflow.component import NamedUnit
from bnnhw.rtl.positions import constant_of
from bnnhw.rtl.rom import RAM_STYLES

if TYPE_CHECKING:
    from bnnhw.dataflow.units.sliding_window.params import WindowParams

__all__ = ["READ_LATENCY", "WRITE_LATENCY", "Loop", "WindowBuffer"]

WRITE_LATENCY = 1
"""Cycles from accepting a word until it can be read."""

READ_LATENCY = 1
"""Cycles from reading a word until it is valid at the output."""


@dataclass(frozen=True)
class Loop:
    """One loop of the nest that reads words.

    Parameters
    ----------
    count : int
        Iterations.
    step : int
        Words of the map from one iteration to the next.
    row_step, column_step, word_step : int
        Rows, columns, and words of a pixel from one iteration to the next.
    """

    count: int
    step: int
    row_step: int = 0
    column_step: int = 0
    word_step: int = 0


class WindowBuffer(NamedUnit["WindowParams"]):
    """Stores the words of a map, and emits them as windows, tap by tap, as early as possible.

    Frames overlap: while the last rows of a frame are read, those of the next frame arrive, so
    there is no refill between frames. Addresses are incremental: each step adds one constant,
    which depends on the loop that advances, modulo the depth. Space becomes free row by row:
    after iteration k of the outermost loop ``releases[k]`` more words are free. The last word of a
    frame is read after the entire frame has arrived, so that no frame, however little of it is
    read, overtakes another.

    A step needs room in the output register: it happens in the cycle in which the word before it
    is transferred.

    Parameters
    ----------
    params : WindowParams
        With its depth decided.
    module_name : str

    Members
    -------
    i : In(stream)
    o : Out(stream)
    level : Out
        Words whose space is in use.
    """

    def __init__(self, params: WindowParams, module_name: str) -> None:
        if params.words_held < 1:
            raise ValueError(f"depth must be positive, not {params.words_held!r}")
        self.width, self.frame_words = params.i.bits, params.i.words
        self.depth, self.start = params.words_held, params.first_word
        self.loops = tuple(Loop(*loop) for loop in params.loops)
        self.releases = params.releases()
        super().__init__(params, module_name, level=Out(range(self.depth + 1)))

    @property
    def room(self) -> int:
        """Words that may be stored at the same time."""
        return self.depth

    def _deltas(self, steps: list[int], restart: int) -> list[int]:
        """Address increments when loop k advances and all loops inside it restart.

        The last entry is for the next frame, which begins ``restart`` words after this one.
        """
        back, deltas = 0, []
        for loop, step in reversed(list(zip(self.loops, steps, strict=True))):
            deltas.append(step - back)
            back += (loop.count - 1) * step
        return [*reversed(deltas), restart - back]

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[],
                                             attrs=RAM_STYLES[self.params.style])
        write, read = memory.write_port(), memory.read_port()
        accepted, step, released = Signal(), Signal(), Signal()
        write_at = Signal(range(self.depth))
        read_at = Signal(range(self.depth), init=self.start % self.depth)
        # Words that arrived after the one to read, minus one: negative until it has arrived.
        reach = 2 * self.frame_words + self.depth + abs(self.start) + self._overhang()
        slack = Signal(range(-reach, reach), init=-self.start - 1)
        # Free words minus one: negative if there are none. Rows that are skipped become
        # free before they arrive, so the value can exceed the depth.
        spare = Signal(range(-1, self.depth + self.frame_words), init=self.room - 1)
        advancing = self._advancing(m, step)
        m.d.comb += [
            released.eq(advancing[0] | advancing[-1]),
            self.i.ready.eq(~spare[-1]),
            accepted.eq(self.i.valid & self.i.ready),
            write.addr.eq(write_at), write.data.eq(self.i.payload), write.en.eq(accepted),
            read.addr.eq(read_at), read.en.eq(step),
            self.level.eq(Mux(spare >= self.room, 0, self.room - 1 - spare)),
        ]
        with m.If(accepted):
            m.d.sync += write_at.eq(Mux(write_at == self.depth - 1, 0, write_at + 1))
        freed = constant_of(m, "behind", self._outer, self.releases)
        gone = Signal.like(freed, name="gone")
        m.d.comb += gone.eq(Mux(released, freed, 0))
        deltas = self._deltas([loop.step for loop in self.loops], self.frame_words)
        move = self._choose(m, "move", advancing, deltas)
        # ``step`` is on the critical path, so both outcomes are computed before it is known.
        m.d.sync += [
            spare.eq(Mux(step, spare - accepted + gone, spare - accepted)),
            slack.eq(Mux(step, slack + accepted - move, slack + accepted)),
        ]
        # The next address with and without a wrap, from two sets of constants: a comparison after
        # the first sum would make the path longer.
        wrapped = [delta % self.depth for delta in deltas]
        ahead = Signal(range(2 * self.depth))
        behind = Signal(range(-self.depth, self.depth))
        m.d.comb += [
            ahead.eq(read_at + self._choose(m, "turn", advancing, wrapped)),
            behind.eq(read_at + self._choose(m, "back", advancing,
                                             [delta - self.depth for delta in wrapped])),
        ]
        with m.If(step):
            m.d.sync += read_at.eq(Mux(behind < 0, ahead, behind))
        outside = self._outside(m, advancing, step)
        arrived = (outside & ~advancing[-1]) | self._arrived(slack, advancing[-1])
        m.d.comb += step.eq(arrived & (~self.o.valid | self.o.ready))
        with m.If(step):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        self._payload(m, step, advancing, outside, read.data)
        return m

    def _arrived(self, slack: Signal, last: Value) -> Value:
        """Return whether the word to read has arrived; for the last one, the entire frame."""
        end = self.start + sum((loop.count - 1) * loop.step for loop in self.loops)
        unread = self.frame_words - 1 - end
        return ~slack[-1] if unread == 0 else Mux(last, slack >= unread, ~slack[-1])

    def _overhang(self) -> int:
        """Words outside the frame that the reading order can address, in the padding."""
        return sum((loop.count - 1) * abs(loop.step) for loop in self.loops)

    def _advancing(self, m: Module, step: Signal) -> list[Value]:
        """Return one bit per loop, and one for the frame: what advances after this step.

        Whether a loop is in its last iteration is known from the step before: the comparison is
        not on the path to the next address, which is the longest one of the unit.
        """
        advancing: list[Value] = []
        inner_done: Value = Const(1)
        for k, loop in reversed(list(enumerate(self.loops))):
            counter = Signal(range(loop.count), name=f"loop{k}")
            at_end = Signal(name=f"loop{k}_end", init=loop.count == 1)
            advances = Signal(name=f"loop{k}_goes")
            m.d.comb += advances.eq(inner_done & ~at_end)
            with m.If(step & inner_done):
                m.d.sync += [counter.eq(Mux(at_end, 0, counter + 1)),
                             at_end.eq(Mux(at_end, loop.count == 1, counter == loop.count - 2))]
            if k == 0:
                self._outer = counter
            done = Signal(name=f"loop{k}_done")
            m.d.comb += done.eq(inner_done & at_end)
            advancing.append(advances)
            inner_done = done
        return [*reversed(advancing), inner_done]

    def _choose(self, m: Module, name: str, advancing: list[Value], values: list[int]) -> Signal:
        """Return the value of the loop that advances: an AND-OR of constants."""
        low, high = min(*values, 0), max(*values, 0)
        chosen = Signal(range(low, high + 1) if low < 0 else range(high + 1), name=name)
        mask = (1 << len(chosen)) - 1
        total: Value = Const(0, len(chosen))
        for advances, value in zip(advancing, values, strict=True):
            total = total | (advances.replicate(len(chosen)) & Const(value & mask, len(chosen)))
        m.d.comb += chosen.eq(total)
        return chosen

    def _outside(self, m: Module, advancing: list[Value], step: Signal) -> Value:
        """Return whether the word to read is outside the map."""
        if self.params.pad is None:
            return Const(0)
        (height, width, _), (first_row, first_column) = self.params.map, self.params.start
        row, column = (
            self._track(m, name, first, steps, advancing, step) for name, first, steps in (
                ("row", first_row, [loop.row_step for loop in self.loops]),
                ("column", first_column, [loop.column_step for loop in self.loops])))
        self._pad_index = [row, column]
        return (row < 0) | (row >= height) | (column < 0) | (column >= width)

    def _track(self, m: Module, name: str, begin: int, steps: list[int], advancing: list[Value],
               step: Signal) -> Signal:
        """Track one coordinate of the word to read through the loops."""
        extent = abs(begin) + sum((loop.count - 1) * s
                                  for loop, s in zip(self.loops, steps, strict=True))
        at = Signal(range(-extent - 1, extent + 1), init=begin, name=name)
        move = self._choose(m, f"{name}_move", advancing, self._deltas(steps, 0))
        with m.If(step):
            m.d.sync += at.eq(at + move)
        return at

    def _payload(self, m: Module, step: Signal, advancing: list[Value], outside: Value,
                 data: Value) -> None:
        if self.params.pad is None:
            m.d.comb += self.o.payload.eq(data)
            return
        rows, columns, words = self.params.pad
        pad, pad_word = Signal(), Signal(self.width)
        with m.If(step):
            m.d.sync += pad.eq(outside)
        if len(set(words)) == 1:
            m.d.comb += pad_word.eq(words[0])
        else:
            row, column = self._pad_index
            parts = [_low_bits(row, (rows - 1).bit_length()),
                     _low_bits(column, (columns - 1).bit_length())]
            if self.params.map[2] > 1:
                parts.append(self._track(m, "pixel_word", 0,
                                         [loop.word_step for loop in self.loops], advancing, step))
            with m.If(step):
                self._pattern_word(m, words, parts, pad_word)
        m.d.comb += self.o.payload.eq(Mux(pad, pad_word, data))

    def _pattern_word(self, m: Module, words: tuple[int, ...], parts: list[Value],
                      pad_word: Signal) -> None:
        """Look up the word of the padding pattern, registered with the step."""
        pixel_words = self.params.map[2]
        bits = (pixel_words - 1).bit_length()
        index = Cat(*(part[:bits] if k == 2 else part for k, part in
                      reversed(list(enumerate(parts)))))
        with m.Switch(index):
            for k, word in enumerate(words):
                row_column, pixel_word = divmod(k, pixel_words)
                with m.Case(row_column << bits | pixel_word):
                    m.d.sync += pad_word.eq(word)


def _low_bits(at: Signal, count: int) -> Value:
    """Return a coordinate modulo ``2**count``, sign-extended where the signal is narrower."""
    return at[:count] if count <= len(at) else Cat(at, at[-1].replicate(count - len(at)))
