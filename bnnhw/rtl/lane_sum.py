"""Sums of the products of all lanes in a target's cells, for weights or activations of few bits."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.logic.weighted_products import (
    NO_MASK,
    PLUS_ONE,
    LaneShape,
    lane_sum_netlist,
    lane_sum_verilog,
)
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.shared import WrittenComponent

__all__ = ["LaneSum"]


class LaneSum(WrittenComponent):
    """Adds the products of planes of activations and planes of weights, over all lanes.

    Latency: ``latency(...)`` cycles, one word each cycle. Its Verilog comes from a netlist that is
    proven before it is written (``logic.weighted_products``).

    Parameters
    ----------
    lanes : int
    shape : LaneShape
        The products of a lane.
    family : str
        Bit-heap target of the cells, see ``families.get_target``.
    levels : int
        Adder levels between two registers; 0 for no registers at all.
    early : bool
        Whether there is a register after the first level too.

    Members
    -------
    x : In(lanes * (planes + stored))
        Activations lane by lane, and above them the stored bits lane by lane.
    y : Out(bits for 0..lanes * shape.top)
    """

    def __init__(self, *, lanes: int, shape: LaneShape, family: str, levels: int,
                 early: bool) -> None:
        self.lanes, self.shape, self.family = lanes, shape, family
        self.levels, self.early = levels, early
        super().__init__({"x": In(lanes * (shape.planes + shape.stored)),
                          "y": Out(range(lanes * shape.top + 1))})

    @staticmethod
    def latency(lanes: int, shape: LaneShape, family: str, levels: int, early: bool) -> int:
        """Cycles from ``x`` to ``y``."""
        return lane_sum_netlist(lanes, shape, get_target(family), levels, early).cuts

    @property
    def module_name(self) -> str:
        products = "_".join(f"{plane}{_name('w', sign)}{_name('m', mask)}s{shift}"
                            for plane, sign, mask, shift in self.shape.products)
        tail = "e" if self.early else ""
        return f"bnnhw_lane_sum_{self.lanes}x{self.shape.planes}x{self.shape.stored}_" \
            f"{products}_{self.family}_l{self.levels}{tail}"

    @property
    def cuts(self) -> int:
        return self.latency(self.lanes, self.shape, self.family, self.levels, self.early)

    @property
    def text(self) -> str:
        """Verilog of the module: ports ``clk`` (with registers only), ``x`` and ``y``."""
        return lane_sum_verilog(self.module_name, self.lanes, self.shape,
                                get_target(self.family), self.levels, self.early)

    def body(self, platform: object) -> Module:
        m, shape = Module(), self.shape
        a, w = self.x[:self.lanes * shape.planes], self.x[self.lanes * shape.planes:]
        terms: list[Value] = []
        for lane in range(self.lanes):
            for plane, sign, mask, shift in shape.products:
                bit = a[lane * shape.planes + plane]
                agreeing = ~(bit ^ w[lane * shape.stored + sign]) if sign >= 0 else \
                    bit if sign == PLUS_ONE else ~bit
                if mask != NO_MASK:
                    agreeing = agreeing & w[lane * shape.stored + mask]
                terms.append(agreeing << shift)
        total = Signal(len(self.y))
        m.d.comb += total.eq(balanced_sum(terms))
        m.d.comb += self.y.eq(delayed(m, total, self.cuts, "y"))
        return m


def _name(letter: str, at: int) -> str:
    """Part of a module name: a stored bit, or a constant."""
    return f"{letter}{at}" if at >= 0 else {"w": {PLUS_ONE: "p"}.get(at, "n"), "m": ""}[letter]
