"""The matrix-vector-threshold unit (MVTU): a product layer, folded by (PE, SIMD)."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.pe import ProcessingElement
from bnnhw.rtl.positions import Places
from bnnhw.rtl.queue import CreditQueue, attach_queue
from bnnhw.rtl.replay import ReplayBuffer
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.spram import SpramRom, load_ports
from bnnhw.rtl.walked_rom import WalkedRom

__all__ = ["Mvtu"]


class Mvtu(SharedComponent):
    """Compute PE rows by SIMD columns a cycle, SF * NF cycles a vector (times its planes).

    A step is issued in every cycle in which its input word is there and, for the last step of a
    row group, a place in the output queue. Everything behind the issue runs freely: ``o`` is
    valid ``latency()`` cycles after the last step of its row group was issued.

    Parameters
    ----------
    module_name : str
    simd, pe, sf, nf : int
        Columns and rows a cycle; words of a vector and row groups.
    weights : list of MATRICES * NF * SF int
        PE * SIMD bits each, in the order of the steps (``golden.layout.weight_words``).
    starts : list of CLASSES * MATRICES * NF int
        PE start values of ``width`` bits each, lane 0 lowest.
    width : int
        Bits of an accumulator.
    coefficient : int
        See ``ProcessingElement``.
    threshold : bool
        True: ``o`` carries one bit a row, ``acc >= 0``. False: the accumulators.
    levels, product_register : int, bool
        Registers of the processing elements, see there.
    weight_style, start_style : str
        Storage, see ``rom.STYLES``; ``spram`` for weights that are loaded.
    weights_in_luts : int
        Columns of the table of weights, the highest ones, that lie in lookup tables whatever the
        style says.
    queue_depth : int
        Words of the output queue, at least ``queue_words``.
    matrices : int
        Vectors meet the matrices in turn: the groups of a grouped convolution.
    bits : int
        Bits of an element of the input.
    signed : bool
        Elements are two's complement; they are counted with the sign bit inverted.
    serial : bool
        Elements of several bits are computed one bit plane a cycle; else all planes at once.
    own_lanes : bool
        Each PE has lanes of its own, ``lane = column * PE + row``: a depthwise convolution.
    places : Places or None
        Classes of positions; None where all positions have the same start values.
    rest : int or None
        Rows of the last row group (of each matrix; with lanes of their own, of the last matrix);
        lanes beyond them give 0. None for all PE.
    vector_style : str
        Storage of the vectors that are read again, see ``rom.RAM_STYLES``.
    family : str
        Target whose cells count, see ``ProcessingElement``.

    Members
    -------
    i : In(stream of simd * bits, or of pe * simd * bits with lanes of their own)
    o : Out(stream of pe bits, or of pe * width bits)
    load, load_at, load_part, load_data : In
        For weights that are loaded, see ``spram.load_ports``.
    """

    ISSUE_LATENCY = ReplayBuffer.WRITE_LATENCY
    """Cycles from accepting a word to the first step that can use it, where words are replayed.
    Else the word is used in the cycle that accepts it."""

    def __init__(self, *, module_name: str, simd: int, pe: int, sf: int, nf: int,
                 weights: list[int], starts: list[int], width: int, coefficient: int,
                 threshold: bool, levels: int, weight_style: str, start_style: str,
                 queue_depth: int, product_register: bool = False, matrices: int = 1,
                 bits: int = 1, signed: bool = False, serial: bool = False,
                 own_lanes: bool = False, places: Places | None = None,
                 rest: int | None = None, vector_style: str = "auto",
                 family: str = "generic", weights_in_luts: int = 0) -> None:
        classes = places.classes if places else 1
        if not 0 <= weights_in_luts <= pe * simd:
            raise ValueError(f"{weights_in_luts} columns of {pe * simd} cannot lie in lookup "
                             f"tables")
        if len(weights) != matrices * sf * nf or len(starts) != classes * matrices * nf:
            raise ValueError(f"needs {matrices * sf * nf} weight words and "
                             f"{classes * matrices * nf} start words, "
                             f"not {len(weights)} and {len(starts)}")
        self._module_name = module_name
        self.simd, self.pe, self.sf, self.nf = simd, pe, sf, nf
        self.family = family
        self.weights, self.starts = weights, starts
        self.width, self.coefficient, self.threshold = width, coefficient, threshold
        self.levels, self.product_register = levels, product_register
        self.weight_style, self.start_style = weight_style, start_style
        self.weights_in_luts = weights_in_luts
        self.queue_depth = queue_depth
        self.matrices, self.places, self.own_lanes = matrices, places, own_lanes
        self.bits, self.signed = bits, signed
        self.planes = bits if serial else 1
        self.vector_style = vector_style
        self.rest = pe if rest is None else rest
        super().__init__({
            "i": In(stream.Signature(simd * bits * (pe if own_lanes else 1))),
            "o": Out(stream.Signature(pe * (1 if threshold else width))),
            **(load_ports(len(weights), pe * simd) if weight_style == "spram" else {}),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    @staticmethod
    def replays(nf: int, planes: int) -> bool:
        """Whether words are stored and read again."""
        return nf > 1 or planes > 1

    @staticmethod
    def latency(simd: int, levels: int, product_register: bool, planes: int, bits: int,
                family: str) -> int:
        """Cycles from the issue of a row group's last step to ``o.valid``; ``bits`` at a time."""
        return 1 + ProcessingElement.latency(simd, levels, product_register, planes, bits,
                                             family) + CreditQueue.LATENCY

    @staticmethod
    def queue_words(latency: int, sf: int) -> int:
        """Depth of the output queue that never holds up a step while ``o`` is taken at once;
        ``sf`` is the number of steps of a row group."""
        return max(3, -(-(latency + 1) // sf))

    def body(self, platform: Any) -> Module:
        m = Module()
        # Cycles from the issue until a sum meets the accumulator.
        bits = 1 if self.planes > 1 else self.bits
        counted = 1 + ProcessingElement.count_latency(self.simd, self.levels,
                                                      self.product_register, bits, self.family)
        summed = counted + int(self.planes > 1)
        queue = attach_queue(m, self, self.queue_depth)
        step, last, last_plane = Signal(), Signal(), Signal()
        plane = Signal(range(self.planes))
        word, index, start_at = self._counters(m, step & last_plane)
        m.d.comb += [
            last_plane.eq(plane == self.planes - 1),
            last.eq((word == self.sf - 1) & last_plane),
            queue.reserve.eq(step & last),
            queue.write.eq(delayed(m, step & last, summed + 1, "last")),
        ]
        with m.If(step):
            m.d.sync += plane.eq(Mux(last_plane, 0, plane + 1))
        a = self._issue(m, step, ~last | queue.free, plane)

        weights = self._weight_words(m, step & last_plane, index)
        m.submodules.starts = starts = Rom(
            words=self.starts, width=self.pe * self.width, style=self.start_style)
        m.d.comb += starts.addr.eq(delayed(m, start_at, summed - 1, "start_at"))
        first = delayed(m, word == 0, summed, "first") if self.sf > 1 else Const(1)
        enable = delayed(m, step & last_plane, summed, "step")
        count = delayed(m, step, counted, "count") if self.planes > 1 else Const(1)
        first_plane = delayed(m, plane == 0, counted, "first_plane") if self.planes > 1 \
            else Const(1)
        padded = Const(1)
        if self.rest < self.pe and not self.threshold:
            padded = delayed(m, self._last_group(m, step & last), summed + 1, "padded")
        results: list[Value] = []
        for r in range(self.pe):
            pe = ProcessingElement(simd=self.simd, width=self.width, levels=self.levels,
                                   coefficient=self.coefficient,
                                   product_register=self.product_register,
                                   bits=bits, planes=self.planes, family=self.family)
            prefix_ports(pe, f"pe{r}")
            m.submodules[f"pe{r}"] = pe
            m.d.comb += [
                pe.a.eq(self._lanes_of(a, r)),
                pe.w.eq(weights.word_select(r, self.simd)),
                pe.start.eq(starts.data.word_select(r, self.width)),
                pe.first.eq(first),
                pe.enable.eq(enable),
                pe.count.eq(count),
                pe.first_plane.eq(first_plane),
            ]
            if self.threshold:  # a padded row starts so low that it never fires
                results.append(~pe.acc[-1])
            else:
                results.append(pe.acc if r < self.rest else Mux(
                    padded, Const(0, self.width), pe.acc.as_unsigned()))
        m.d.comb += queue.word.eq(Cat(results))
        return m

    def _weight_words(self, m: Module, step: Value, index: Signal) -> Value:
        """Weights of the step of the cycle before."""
        width = self.pe * self.simd
        if self.weight_style == "spram":
            table = SpramRom(module_name=f"{self.module_name}_weights", words=self.weights,
                             width=width)
            prefix_ports(table, "weights")
            m.submodules.weights = table
            m.d.comb += [table.addr.eq(index), table.load.eq(self.load),
                         table.load_at.eq(self.load_at), table.load_part.eq(self.load_part),
                         table.load_data.eq(self.load_data)]
            return table.data
        low = width - self.weights_in_luts
        parts: list[Value] = []
        if low:
            m.submodules.weights = rom = Rom(
                words=[word & ((1 << low) - 1) for word in self.weights], width=low,
                style=self.weight_style)
            m.d.comb += rom.addr.eq(index)
            parts.append(rom.data)
        if self.weights_in_luts:
            m.submodules.weights_in_luts = walked = WalkedRom(
                words=[word >> low for word in self.weights], width=self.weights_in_luts)
            m.d.comb += walked.step.eq(step)
            parts.append(walked.data)
        return Cat(parts)

    def _last_group(self, m: Module, advance: Value) -> Value:
        """Whether the row group of the current step has padded rows."""
        period = self.matrices if self.own_lanes else self.nf
        group = Signal(range(period), name="group_of_matrix")
        with m.If(advance):
            m.d.sync += group.eq(Mux(group == period - 1, 0, group + 1))
        return group == period - 1

    def _lanes_of(self, a: Value, r: int) -> Value:
        """What PE ``r`` sees of the input word."""
        if not self.own_lanes:
            return a
        width = 1 if self.planes > 1 else self.bits
        return Cat(a.word_select(c * self.pe + r, width) for c in range(self.simd))

    def _issue(self, m: Module, step: Signal, room: Value, plane: Signal) -> Value:
        """Decide on a step; returns its input word as it is one cycle later."""
        if not self.replays(self.nf, self.planes):
            a = Signal(len(self.i.payload))
            m.d.comb += [self.i.ready.eq(room), step.eq(self.i.valid & room)]
            m.d.sync += a.eq(self._unsigned(self.i.payload))
            return a
        replay = ReplayBuffer(width=len(self.i.payload), words=self.sf, repeats=self.nf,
                              style=self.vector_style)
        prefix_ports(replay, "replay")
        m.submodules.replay = replay
        m.d.comb += [
            replay.i.valid.eq(self.i.valid),
            replay.i.payload.eq(self.i.payload),
            self.i.ready.eq(replay.i.ready),
            step.eq((replay.available | (plane != 0)) & room),
            replay.read.eq(step & (plane == 0)),
        ]
        word = self._unsigned(replay.data)
        if self.planes == 1:
            return word
        lanes = len(self.i.payload) // self.bits
        a = Signal(lanes, name="plane_bits")
        with m.Switch(delayed(m, plane, 1, "plane")):
            for k in range(self.planes):  # the highest plane first
                with m.Case(k):
                    m.d.comb += a.eq(Cat(word.word_select(c, self.bits)[self.bits - 1 - k]
                                         for c in range(lanes)))
        return a

    def _unsigned(self, word: Value) -> Value:
        """Elements with their sign bit inverted: 2**(bits - 1) more than they are."""
        if not self.signed:
            return word
        flip = 1 << (self.bits - 1)
        return word ^ sum(flip << (c * self.bits) for c in range(len(word) // self.bits))

    def _counters(self, m: Module, step: Value) -> tuple[Signal, Signal, Value]:
        """Count words of the vector, row groups of all matrices, steps, and places."""
        groups, steps = self.matrices * self.nf, self.matrices * self.nf * self.sf
        word = Signal(range(self.sf))
        group = Signal(range(groups))
        index = Signal(range(steps))
        round_end = Signal()  # the last step of the last matrix
        m.d.comb += round_end.eq(step & (index == steps - 1))
        with m.If(step):
            m.d.sync += index.eq(Mux(index == steps - 1, 0, index + 1))
            with m.If(word != self.sf - 1):
                m.d.sync += word.eq(word + 1)
            with m.Else():
                m.d.sync += [word.eq(0), group.eq(Mux(group == groups - 1, 0, group + 1))]
        if self.places is None:
            return word, index, group
        return word, index, group + self.places.first_of_class(m, round_end, groups)
