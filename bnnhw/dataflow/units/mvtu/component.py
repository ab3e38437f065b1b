"""Amaranth component of the matrix-vector-threshold unit (MVTU), folded by (PE, SIMD)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants
from bnnhw.rtl.banked_rom import BankedRom
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.hold import HoldRegister
from bnnhw.rtl.queue import attach_queue
from bnnhw.rtl.replay import ReplayBuffer
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import prefix_ports
from bnnhw.rtl.spram import SpramRom, load_ports
from bnnhw.rtl.walked_rom import WalkedRom

if TYPE_CHECKING:
    from bnnhw.dataflow.units.mvtu.params import MvtuParams

__all__ = ["Mvtu"]


class Mvtu(ConstantUnit["MvtuParams", MvtuConstants]):
    """Computes PE rows by SIMD columns per cycle, SF * NF cycles per vector (times its planes).

    The steps of a word are the planes of its activations, of its weights, or of both, where these
    are computed one after the other.

    A step is issued in every cycle in which its input word is available and, for the last step of
    a row group, the output queue has space. Everything after the issue is a free-running pipeline:
    ``o`` is valid ``params.latency`` cycles after the last step of its row group was issued.

    Parameters
    ----------
    params : MvtuParams
    constants : MvtuConstants
    module_name : str

    Members
    -------
    i : In(stream of simd * bits, or of pe * simd * bits where each PE has private lanes)
    o : Out(stream of pe bits, or of pe * acc_width bits)
    load, load_at, load_part, load_data : In
        For weights that are loaded at start-up, see ``spram.load_ports``.
    """

    def __init__(self, params: MvtuParams, constants: MvtuConstants, module_name: str) -> None:
        self.weights = params.weight_words(constants)
        self.starts = params.start_words(constants)
        super().__init__(params, constants, module_name,
                         **(load_ports(len(self.weights), params.weight_width)
                            if params.weight_memory == "spram" else {}))

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        element = p.pe_params(self.constants.coefficient)
        # Cycles from the issue of a step until its popcount, and until its sum, is ready.
        counted = p.weight_latency + element.count_latency
        summed = p.weight_latency - 1 + element.latency
        queue = attach_queue(m, self, p.queue_depth)
        step, last, last_plane = Signal(), Signal(), Signal()
        plane = Signal(range(p.planes))
        word, index, start_at = self._counters(m, step & last_plane)
        m.d.comb += [
            last_plane.eq(plane == p.planes - 1),
            last.eq((word == p.sf - 1) & last_plane),
            queue.reserve.eq(step & last),
            queue.write.eq(delayed(m, step & last, summed + 1, "last")),
        ]
        with m.If(step):
            m.d.sync += plane.eq(Mux(last_plane, 0, plane + 1))
        a = delayed(m, self._issue(m, step, ~last | queue.free, plane), p.weight_latency - 1,
                    "a")
        advance, weight_at = self._weight_address(m, step, last_plane, index)
        weights = self._weight_words(m, advance, weight_at)
        m.submodules.starts = starts = Rom(
            words=self.starts, width=p.pe * p.acc_width, style=_style(p.start_memory))
        m.d.comb += starts.addr.eq(delayed(m, start_at, summed - p.start_latency, "start_at"))
        start_words = delayed(m, starts.data, p.start_latency - 1, "starts")
        first = delayed(m, word == 0, summed, "first") if p.sf > 1 else Const(1)
        enable = delayed(m, step & last_plane, summed, "step")
        count = delayed(m, step, counted, "count") if p.planes > 1 else Const(1)
        first_plane = delayed(m, plane == 0, counted, "first_plane") if p.planes > 1 \
            else Const(1)
        number = delayed(m, plane, counted, "plane_of_sum") if element.step_ports else plane
        padded = Const(1)
        if p.o.last_lanes < p.pe and not p.threshold:
            padded = delayed(m, self._last_group(m, step & last), summed + 1, "padded")
        results: list[Value] = []
        for r in range(p.pe):
            pe = element.create()
            prefix_ports(pe, f"pe{r}")
            m.submodules[f"pe{r}"] = pe
            m.d.comb += [
                pe.a.eq(self._lanes_of(a, r)),
                pe.w.eq(weights.word_select(r, p.simd * p.word_bits)),
                pe.start.eq(start_words.word_select(r, p.acc_width)),
                pe.first.eq(first),
                pe.enable.eq(enable),
                pe.count.eq(count),
                pe.first_plane.eq(first_plane),
                *(getattr(pe, name).eq(number) for name in element.step_ports),
            ]
            if p.threshold:  # the start value of a padded row never fires
                results.append(~pe.acc[-1])
            else:
                results.append(pe.acc if r < p.o.last_lanes else Mux(
                    padded, Const(0, p.acc_width), pe.acc.as_unsigned()))
        m.d.comb += queue.word.eq(Cat(results))
        return m

    def _weight_address(self, m: Module, step: Value, last_plane: Value,
                        index: Signal) -> tuple[Value, Value]:
        """Return when the address of the weight ROM advances, and the address."""
        p = self.params
        if p.weight_steps == 1:
            return step & last_plane, index
        inner = p.planes // p.weight_steps
        plane = Signal(range(inner), name="plane_of_word")
        advance = Signal(name="advance")
        at = Signal(range(len(self.weights)), name="weight_at")
        m.d.comb += advance.eq(step & (plane == inner - 1))
        with m.If(step):
            m.d.sync += plane.eq(Mux(plane == inner - 1, 0, plane + 1))
        with m.If(advance):
            m.d.sync += at.eq(Mux(at == len(self.weights) - 1, 0, at + 1))
        return advance, at

    def _weight_words(self, m: Module, step: Value, index: Signal) -> Value:
        """Return the weights of the step that was issued ``weight_latency`` cycles before."""
        p = self.params
        width = p.weight_width
        if p.weight_memory == "spram":
            loaded = SpramRom(module_name=f"{self.module_name}_weights", words=self.weights,
                              width=width)
            prefix_ports(loaded, "weights")
            m.submodules.weights = loaded
            m.d.comb += [loaded.addr.eq(index), loaded.load.eq(self.load),
                         loaded.load_at.eq(self.load_at), loaded.load_part.eq(self.load_part),
                         loaded.load_data.eq(self.load_data)]
            return loaded.data
        low = width - p.weights_in_luts
        parts: list[Value] = []
        if low:
            words = [word & ((1 << low) - 1) for word in self.weights]
            m.submodules.weights = rom = \
                BankedRom(words=words, width=low, bank_words=p.bank_words) if p.bank_words else \
                Rom(words=words, width=low, style=_style(p.weight_memory))
            early = p.weight_latency - (BankedRom.LATENCY if p.bank_words else 1)
            m.d.comb += rom.addr.eq(delayed(m, index, early, "index"))
            parts.append(rom.data)
        if p.weights_in_luts:
            m.submodules.weights_in_luts = walked = WalkedRom(
                words=[word >> low for word in self.weights], width=p.weights_in_luts)
            m.d.comb += walked.step.eq(step)
            parts.append(delayed(m, walked.data, p.weight_latency - 1, "in_luts"))
        return Cat(parts)

    def _last_group(self, m: Module, advance: Value) -> Value:
        """Return whether the row group of the current step has padded rows."""
        p = self.params
        period = p.matrices if p.own_lanes else p.nf
        group = Signal(range(period), name="group_of_matrix")
        with m.If(advance):
            m.d.sync += group.eq(Mux(group == period - 1, 0, group + 1))
        return group == period - 1

    def _lanes_of(self, a: Value, r: int) -> Value:
        """Return the lanes of the input word that PE ``r`` reads."""
        p = self.params
        if not p.own_lanes:
            return a
        return Cat(a.word_select(c * p.pe + r, p.lane_bits) for c in range(p.simd))

    def _issue(self, m: Module, step: Signal, room: Value, plane: Signal) -> Value:
        """Decide whether a step is issued; return its input word, one cycle later."""
        p = self.params
        if not p.replays:
            a = Signal(len(self.i.payload))
            m.d.comb += [self.i.ready.eq(room), step.eq(self.i.valid & room)]
            m.d.sync += a.eq(self._unsigned(self.i.payload))
            return a
        replay = HoldRegister(width=len(self.i.payload), repeats=p.nf) if p.holds else \
            ReplayBuffer(width=len(self.i.payload), words=p.sf, repeats=p.nf,
                         style=p.vector_memory)
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
        if not p.serial:
            return word
        lanes = len(self.i.payload) // p.bits
        a = Signal(lanes, name="plane_bits")
        with m.Switch(delayed(m, plane, 1, "plane")):
            for k in range(p.planes):  # the highest plane first
                with m.Case(k):
                    m.d.comb += a.eq(Cat(word.word_select(c, p.bits)[p.bits - 1 - k % p.bits]
                                         for c in range(lanes)))
        return a

    def _unsigned(self, word: Value) -> Value:
        """Invert the sign bit of signed elements, which adds ``2**(bits - 1)`` to each."""
        p = self.params
        if not self.constants.signed:
            return word
        flip = 1 << (p.bits - 1)
        return word ^ sum(flip << (c * p.bits) for c in range(len(word) // p.bits))

    def _counters(self, m: Module, step: Value) -> tuple[Signal, Signal, Value]:
        """Count the words of the vector and the steps, and make the address of start values."""
        p = self.params
        groups, steps = p.matrices * p.nf, p.matrices * p.nf * p.sf
        word = Signal(range(p.sf))
        group = Signal(range(groups))
        index = Signal(range(steps))
        round_end = Signal()  # the last step of the last matrix
        m.d.comb += round_end.eq(step & (index == steps - 1))
        with m.If(step):
            m.d.sync += index.eq(Mux(index == steps - 1, 0, index + 1))
            with m.If(word != p.sf - 1):
                m.d.sync += word.eq(word + 1)
            with m.Else():
                m.d.sync += [word.eq(0), group.eq(Mux(group == groups - 1, 0, group + 1))]
        if self.constants.border_classes is None:
            return word, index, group
        first = self.constants.border_classes.first_of_class(m, round_end, groups)
        return word, index, group + first


def _style(memory: str) -> str:
    """A constant is a ROM of one word, for which the style has no meaning."""
    return "lut" if memory == "constant" else memory
