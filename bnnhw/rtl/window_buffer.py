"""The sliding window unit (SWU): a map comes in once and leaves as windows, tap by tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.positions import constant_of
from bnnhw.rtl.rom import RAM_STYLES
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Loop", "Padding", "WindowBuffer"]


@dataclass(frozen=True)
class Loop:
    """One loop of the order in which words are read.

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


@dataclass(frozen=True)
class Padding:
    """What is read outside the map.

    Parameters
    ----------
    height, width : int
        Rows and columns of the map.
    row, column : int
        Where the first word of the first window lies; negative above and left of the map.
    rows, columns : int
        Periods of the pattern, powers of two.
    words : tuple of int
        Word of each (row, column, word of the pixel) of the pattern, the last index fastest.
    pixel_words : int
        Words of a pixel.
    """

    height: int
    width: int
    row: int
    column: int
    rows: int
    columns: int
    words: tuple[int, ...]
    pixel_words: int


class WindowBuffer(SharedComponent):
    """Store the words of frames and read them in a nest of loops, each as soon as it is there.

    Frames overlap: while the last rows of a frame are read, those of the next one come in, so
    there is no refill between frames. Addresses are incremental: each step adds one constant of
    those of its loops, modulo the depth. Places are given back row by row: after iteration k of
    the outermost loop ``releases[k]`` words more are free. The last word of a frame is read when
    all of the frame has come, so that no frame, however little of it is read, overtakes another.

    A word that is accepted in cycle t can be read from cycle t + 1 on, and a word that is read in
    cycle t is valid in cycle t + 1. A step needs room in the output register: it is taken in the
    cycle in which the word before it goes.

    Parameters
    ----------
    module_name : str
    width : int
        Bits a word.
    frame_words : int
        Words of an input frame.
    depth : int
        Words that the buffer holds.
    loops : tuple of Loop
        The outermost first.
    start : int
        Word of the map at which the first window begins; negative in the padding.
    releases : tuple of int
        For each iteration of the outermost loop; they add up to ``frame_words``.
    padding : Padding or None
    style : str
        Storage, see ``rom.RAM_STYLES``.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    level : Out
        Words that are stored and not given back.
    """

    WRITE_LATENCY = 1
    READ_LATENCY = 1

    def __init__(self, *, module_name: str, width: int, frame_words: int, depth: int,
                 loops: tuple[Loop, ...], start: int, releases: tuple[int, ...],
                 padding: Padding | None,
                 style: str = "auto") -> None:
        if len(releases) != loops[0].count or sum(releases) != frame_words:
            raise ValueError("releases must be one for each outer iteration and add up to a frame")
        if depth < 1:
            raise ValueError(f"depth must be positive, not {depth!r}")
        self._module_name = module_name
        self.width, self.frame_words, self.depth = width, frame_words, depth
        self.loops, self.start, self.releases, self.padding = loops, start, releases, padding
        self.style = style
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width)),
                          "level": Out(range(depth + 1))})

    @property
    def module_name(self) -> str:
        return self._module_name

    @property
    def room(self) -> int:
        """Words that may be stored and not given back."""
        return self.depth

    def _deltas(self, steps: list[int], restart: int) -> list[int]:
        """What to add when loop k goes on and all loops inside it begin again; the last entry is
        for the next frame, with ``restart`` words between the frames' beginnings."""
        back, deltas = 0, []
        for loop, step in reversed(list(zip(self.loops, steps, strict=True))):
            deltas.append(step - back)
            back += (loop.count - 1) * step
        return [*reversed(deltas), restart - back]

    def body(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[],
                                             attrs=RAM_STYLES[self.style])
        write, read = memory.write_port(), memory.read_port()
        accepted, step, released = Signal(), Signal(), Signal()
        write_at = Signal(range(self.depth))
        read_at = Signal(range(self.depth), init=self.start % self.depth)
        # Words that have come behind the one to read, less one: its sign says whether it is there.
        reach = 2 * self.frame_words + self.depth + abs(self.start) + self._overhang()
        slack = Signal(range(-reach, reach), init=-self.start - 1)
        # Free places less one: its sign says whether there are any. Rows that are skipped are
        # given back before they come, so there can be more than the depth.
        spare = Signal(range(-1, self.depth + self.frame_words), init=self.room - 1)
        going = self._going(m, step)  # which loop goes on behind this step; the last: the frame
        m.d.comb += [
            released.eq(going[0] | going[-1]),
            self.i.ready.eq(~spare[-1]),
            accepted.eq(self.i.valid & self.i.ready),
            write.addr.eq(write_at), write.data.eq(self.i.payload), write.en.eq(accepted),
            read.addr.eq(read_at), read.en.eq(step),
            self.level.eq(Mux(spare >= self.room, 0, self.room - 1 - spare)),
        ]
        with m.If(accepted):
            m.d.sync += write_at.eq(Mux(write_at == self.depth - 1, 0, write_at + 1))
        behind = constant_of(m, "behind", self._outer, self.releases)
        gone = Signal.like(behind, name="gone")
        m.d.comb += gone.eq(Mux(released, behind, 0))
        deltas = self._deltas([loop.step for loop in self.loops], self.frame_words)
        move = self._choose(m, "move", going, deltas)
        # The step is known last, so both outcomes are ready when it comes.
        m.d.sync += [
            spare.eq(Mux(step, spare - accepted + gone, spare - accepted)),
            slack.eq(Mux(step, slack + accepted - move, slack + accepted)),
        ]
        turn = [delta % self.depth for delta in deltas]
        ahead = Signal(range(2 * self.depth))
        m.d.comb += ahead.eq(read_at + self._choose(m, "turn", going, turn))
        with m.If(step):
            m.d.sync += read_at.eq(Mux(ahead >= self.depth, ahead - self.depth, ahead))
        outside = self._outside(m, going, step)
        there = (outside & ~going[-1]) | self._there(slack, going[-1])
        m.d.comb += step.eq(there & (~self.o.valid | self.o.ready))
        with m.If(step):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        self._payload(m, step, going, outside, read.data)
        return m

    def _there(self, slack: Signal, last: Value) -> Value:
        """Whether the word to read has come; for the last one, all of the frame."""
        end = self.start + sum((loop.count - 1) * loop.step for loop in self.loops)
        unread = self.frame_words - 1 - end
        return ~slack[-1] if unread == 0 else Mux(last, slack >= unread, ~slack[-1])

    def _overhang(self) -> int:
        """Words beyond the frame that the reading order can touch, in the padding."""
        return sum((loop.count - 1) * abs(loop.step) for loop in self.loops)

    def _going(self, m: Module, step: Signal) -> list[Value]:
        """One bit a loop, and one for the frame: what goes on behind this step."""
        going: list[Value] = []
        inner_done: Value = Const(1)
        for k, loop in reversed(list(enumerate(self.loops))):
            counter = Signal(range(loop.count), name=f"loop{k}")
            at_end = Signal(name=f"loop{k}_end")
            goes = Signal(name=f"loop{k}_goes")
            m.d.comb += [at_end.eq(counter == loop.count - 1), goes.eq(inner_done & ~at_end)]
            with m.If(step & inner_done):
                m.d.sync += counter.eq(Mux(at_end, 0, counter + 1))
            if k == 0:
                self._outer = counter
            done = Signal(name=f"loop{k}_done")
            m.d.comb += done.eq(inner_done & at_end)
            going.append(goes)
            inner_done = done
        return [*reversed(going), inner_done]

    def _choose(self, m: Module, name: str, going: list[Value], values: list[int]) -> Signal:
        """The value of the loop that goes on: an AND-OR of constants."""
        low, high = min(*values, 0), max(*values, 0)
        chosen = Signal(range(low, high + 1) if low < 0 else range(high + 1), name=name)
        mask = (1 << len(chosen)) - 1
        total: Value = Const(0, len(chosen))
        for goes, value in zip(going, values, strict=True):
            total = total | (goes.replicate(len(chosen)) & Const(value & mask, len(chosen)))
        m.d.comb += chosen.eq(total)
        return chosen

    def _outside(self, m: Module, going: list[Value], step: Signal) -> Value:
        """Whether the word to read lies outside the map."""
        p = self.padding
        if p is None:
            return Const(0)
        row = self._track(m, "row", p.row, [loop.row_step for loop in self.loops], going, step)
        column = self._track(m, "column", p.column, [loop.column_step for loop in self.loops],
                             going, step)
        self._pad_index = [row, column]
        return (row < 0) | (row >= p.height) | (column < 0) | (column >= p.width)

    def _track(self, m: Module, name: str, begin: int, steps: list[int], going: list[Value],
               step: Signal) -> Signal:
        """Follow one coordinate of the word to read through the loops."""
        extent = abs(begin) + sum((loop.count - 1) * s
                                  for loop, s in zip(self.loops, steps, strict=True))
        at = Signal(range(-extent - 1, extent + 1), init=begin, name=name)
        move = self._choose(m, f"{name}_move", going, self._deltas(steps, 0))
        with m.If(step):
            m.d.sync += at.eq(at + move)
        return at

    def _payload(self, m: Module, step: Signal, going: list[Value], outside: Value,
                 data: Value) -> None:
        p = self.padding
        if p is None:
            m.d.comb += self.o.payload.eq(data)
            return
        pad, pad_word = Signal(), Signal(self.width)
        with m.If(step):
            m.d.sync += pad.eq(outside)
        if len(set(p.words)) == 1:
            m.d.comb += pad_word.eq(p.words[0])
        else:
            row, column = self._pad_index
            parts = [row[:(p.rows - 1).bit_length()], column[:(p.columns - 1).bit_length()]]
            if p.pixel_words > 1:
                parts.append(self._track(m, "pixel_word", 0,
                                         [loop.word_step for loop in self.loops], going, step))
            with m.If(step):
                self._pad_table(m, p, parts, pad_word)
        m.d.comb += self.o.payload.eq(Mux(pad, pad_word, data))

    def _pad_table(self, m: Module, p: Padding, parts: list[Value], pad_word: Signal) -> None:
        """Look the word of the pattern up, which is registered with the step."""
        bits = (p.pixel_words - 1).bit_length()
        index = Cat(*(part[:bits] if k == 2 else part for k, part in
                      reversed(list(enumerate(parts)))))
        with m.Switch(index):
            for k, word in enumerate(p.words):
                row_column, pixel_word = divmod(k, p.pixel_words)
                with m.Case(row_column << bits | pixel_word):
                    m.d.sync += pad_word.eq(word)
