"""Delay lines for control signals of pipelines that never stall."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

__all__ = ["delayed"]


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """Delay ``value`` by ``cycles`` registers, named ``name_1``, ``name_2`` and so on."""
    for k in range(1, cycles + 1):
        register = Signal(value.shape(), name=f"{name}_{k}")
        m.d.sync += register.eq(value)
        value = register
    return value
