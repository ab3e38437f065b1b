"""Delay lines for the control signals of free-running pipelines."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

__all__ = ["delayed"]


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """Return ``value`` as it was ``cycles`` cycles ago; registers are named ``name_1`` and on."""
    for k in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{k}")
        m.d.sync += register.eq(value)
        value = register
    return value
