"""The hardware of a block of unrolled layers: logic with constant weights, one vector per cycle."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.positions import BorderClasses
from bnnhw.rtl.queue import attach_queue
from bnnhw.rtl.shared import NamedComponent, WrittenComponent, prefix_ports

__all__ = ["LogicBlock", "LogicUnit"]


class LogicBlock(NamedComponent, WrittenComponent):
    """A block of popcount layers, whose Verilog instantiates the cells of a target.

    Latency: ``cuts`` cycles; initiation interval: one cycle. The emitted Verilog is ``text``. For
    Amaranth's simulator, the component is the plain arithmetic of ``block``, followed by ``cuts``
    registers.

    Parameters
    ----------
    module_name : str
    block : BlockSpec
    cuts : int
        Registers between input and output.
    text : str
        Verilog of the module: ports ``clk`` (only with cuts), ``x`` and ``y``.

    Members
    -------
    x : In(block.inputs)
    y : Out(block.outputs)
    """

    def __init__(self, *, module_name: str, block: BlockSpec, cuts: int, text: str) -> None:
        self.block, self._cuts, self._text = block, cuts, text
        super().__init__(module_name, {"x": In(block.inputs), "y": Out(block.outputs)})

    @property
    def cuts(self) -> int:
        return self._cuts

    @property
    def text(self) -> str:
        return self._text

    def body(self, platform: object) -> Module:
        m = Module()
        value: Value = self.x
        for k, layer in enumerate(self.block.layers):
            out = Signal(layer.rows * layer.width, name=f"layer{k}")
            m.d.comb += out.eq(_layer(layer, value))
            value = out
        if self.block.label:
            label = _label(m, value, self.block)
            value = Cat(value, label) if self.block.forward else label
        m.d.comb += self.y.eq(delayed(m, value, self.cuts, "y"))
        return m


def _layer(layer: LayerSpec, x: Value) -> Value:
    planes = [Cat(x[c * layer.planes + m] for c in range(layer.columns))
              for m in range(layer.planes)]
    if layer.signed:
        planes[-1] = ~planes[-1]
    border_class = x[layer.columns * layer.planes:]
    out: list[Value] = []
    for r in range(layer.rows):
        count: Value = Const(0)
        for q, m in np.argwhere(layer.coefficients).tolist():
            row, factor = layer.signs[q, r], int(layer.coefficients[q, m])
            agreeing = planes[m] ^ Const(sum(1 << int(c) for c in np.flatnonzero(row < 0)),
                                         layer.columns)
            if row.any():
                count = count + \
                    balanced_sum([agreeing[int(c)] for c in np.flatnonzero(row)]) * factor
        if layer.limits is None:
            element: Value = count * layer.scale + _of_class(layer.const[:, r], border_class)
        else:
            element = balanced_sum([count >= _of_class(layer.limits[:, r, j], border_class)
                             for j in range(layer.limits.shape[2])])
        out.append((element + Const(0, signed(layer.width + 1)))[:layer.width])
    return Cat(out)


def _of_class(values: np.ndarray, border_class: Value) -> Value:
    """Select the value of the border class of the current position."""
    chosen: Value = Const(int(values[0]))
    for k in range(1, len(values)):
        chosen = Mux(border_class == k, int(values[k]), chosen)
    return chosen


def _label(m: Module, scores: Value, block: BlockSpec) -> Value:
    width = block.layers[-1].width
    shape = signed(width) if block.score_signed else unsigned(width)
    best: Value = Signal(shape, name="best0")
    index: Value = Const(0, block.label_width)
    m.d.comb += best.eq(scores[:width])
    for k in range(1, block.layers[-1].rows):
        score, larger = Signal(shape, name=f"score{k}"), Signal(shape, name=f"best{k}")
        m.d.comb += [score.eq(scores.word_select(k, width)),
                     larger.eq(Mux(score > best, score, best))]
        index = Mux(score > best, Const(k, block.label_width), index)
        best = larger
    return index[:block.label_width]


class LogicUnit(NamedComponent):
    """A ``LogicBlock`` with an input stream and an output stream.

    Parameters
    ----------
    module_name : str
    logic : LogicBlock
    queue_depth : int
        Depth of the output queue in words, see ``LogicParams``.
    border_classes : BorderClasses or None
        Border class of each position of a map; None if all positions have the same class.

    Members
    -------
    i : In(stream of the block's elements)
    o : Out(stream of block.outputs)
    """

    def __init__(self, *, module_name: str, logic: LogicBlock, queue_depth: int,
                 border_classes: BorderClasses | None = None) -> None:
        self.logic, self.queue_depth, self.border_classes = logic, queue_depth, border_classes
        elements = logic.block.inputs - logic.block.class_bits
        super().__init__(module_name, {"i": In(stream.Signature(elements)),
                                       "o": Out(stream.Signature(logic.block.outputs))})

    def body(self, platform: object) -> Module:
        m = Module()
        queue = attach_queue(m, self, self.queue_depth)
        prefix_ports(self.logic, "logic")
        m.submodules.logic = self.logic
        accepted = Signal()
        m.d.comb += [
            self.i.ready.eq(queue.free),
            accepted.eq(self.i.valid & queue.free),
            queue.reserve.eq(accepted),
            queue.write.eq(delayed(m, accepted, self.logic.cuts, "accepted")),
            self.logic.x.eq(Cat(self.i.payload, self._class(m, accepted))),
            queue.word.eq(self.logic.y),
        ]
        return m

    def _class(self, m: Module, advance: Value) -> Value:
        """Border class of the position of the current input word."""
        if self.border_classes is None:
            return Const(0, 0)
        border_class = Signal(self.logic.block.class_bits, name="place")
        m.d.comb += border_class.eq(self.border_classes.first_of_class(m, advance, 1))
        return border_class
