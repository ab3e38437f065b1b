"""Constants that belong to positions: most positions share one, the borders differ."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal

__all__ = ["constant_of"]


def constant_of(m: Module, name: str, at: Signal, values: Sequence[int]) -> Signal:
    """Return a signal ``name`` that is ``values[at]``; only what is not the usual value is told."""
    usual = max(sorted(set(values)), key=list(values).count)
    chosen = Signal(range(min(*values, 0), max(*values, 1) + 1), name=name)
    with m.Switch(at):
        for k, value in enumerate(values):
            if value != usual:
                with m.Case(k):
                    m.d.comb += chosen.eq(value)
        with m.Default():
            m.d.comb += chosen.eq(usual)
    return chosen
