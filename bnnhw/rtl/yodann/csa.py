"""Carry-save trees and ripple adders of full-adder cells.

A column of n bits needs one full adder for every bit above two in any reduction order, since each
full adder replaces three bits of a weight by one. Combining the bits that arrive earliest makes the
tree as shallow as a Wallace tree. Synthesis does not infer the full-adder cells of a library from
expressions, so designs for standard cells instantiate ``bnnhw_fa`` and ``bnnhw_ha``.
"""

from __future__ import annotations

import heapq

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

__all__ = ["Adders"]

SUM_DELAY, CARRY_DELAY = 2, 2
"""Delays of a full adder in arbitrary units, which determine the order of reduction."""


class Adders:
    """Adds full and half adders to a module, as instances of cells or as expressions.

    Parameters
    ----------
    m : Module
        Module that receives the adders.
    cells : bool
        Instantiate ``bnnhw_fa`` (a, b, c -> s, co) and ``bnnhw_ha`` (a, b -> s, co).

    Attributes
    ----------
    full, half : int
        Number of adders so far.
    """

    def __init__(self, m: Module, *, cells: bool) -> None:
        self.m, self.cells = m, cells
        self.full = self.half = 0

    def add_bits(self, bits: list[Value]) -> tuple[Signal, Signal]:
        """Add two or three bits of equal weight; returns the sum and the carry."""
        full = len(bits) == 3
        name = f"fa{self.full}" if full else f"ha{self.half}"
        s, carry = Signal(name=f"{name}_s"), Signal(name=f"{name}_co")
        if full:
            self.full += 1
        else:
            self.half += 1
        if self.cells:
            ports = dict(zip(("i_a", "i_b", "i_c"), bits, strict=False))
            self.m.submodules[name] = Instance("bnnhw_fa" if full else "bnnhw_ha", **ports,
                                               o_s=s, o_co=carry)
        elif full:
            a, b, c = bits
            self.m.d.comb += [s.eq(a ^ b ^ c), carry.eq((a & b) | (a & c) | (b & c))]
        else:
            self.m.d.comb += [s.eq(bits[0] ^ bits[1]), carry.eq(bits[0] & bits[1])]
        return s, carry

    def two_rows(self, columns: list[list[Value]], width: int) -> tuple[list[Value], list[Value]]:
        """Reduce columns of bits to two rows with the same sum, modulo ``2**width``.

        Parameters
        ----------
        columns : list of list of Value
            ``columns[k]`` contains the bits of weight ``2**k``; all arrive at the same time.
        """
        order = 0
        heaps: list[list[tuple[int, int, Value]]] = [[] for _ in range(width + 1)]
        for k, column in enumerate(columns[:width]):
            for bit in column:
                heaps[k].append((0, order, bit))
                order += 1
            heapq.heapify(heaps[k])
        for k in range(width):
            heap = heaps[k]
            while len(heap) > 2:
                first = [heapq.heappop(heap) for _ in range(3)]
                ready = max(time for time, _, _ in first)
                s, carry = self.add_bits([bit for _, _, bit in first])
                heapq.heappush(heap, (ready + SUM_DELAY, order, s))
                heapq.heappush(heaps[k + 1], (ready + CARRY_DELAY, order + 1, carry))
                order += 2
        rows: tuple[list[Value], list[Value]] = ([], [])
        for heap in heaps[:width]:
            bits = [bit for _, _, bit in sorted(heap)]
            for row, number in enumerate(rows):
                number.append(bits[row] if row < len(bits) else Const(0, 1))
        return rows

    def add_rows(self, a: list[Value], b: list[Value]) -> Value:
        """Add two rows of n bits modulo ``2**n`` with a chain of full adders."""
        out: list[Value] = []
        carry: Value | None = None
        for k, pair in enumerate(zip(a, b, strict=True)):
            bits = [bit for bit in pair if not (isinstance(bit, Const) and bit.value == 0)]
            if carry is not None:
                bits.append(carry)
            last = k == len(a) - 1
            if len(bits) < 2:
                out.append(bits[0] if bits else Const(0, 1))
                carry = None
            elif last:
                top = bits[0]
                for bit in bits[1:]:
                    top = top ^ bit
                out.append(top)
            else:
                s, carry = self.add_bits(bits)
                out.append(s)
        return Cat(out)

    def sum_of(self, columns: list[list[Value]], width: int) -> Value:
        """Add columns of bits modulo ``2**width``."""
        return self.add_rows(*self.two_rows(columns, width))
