"""Finds the clock nets of a netlist: the clock port, and all nets after buffers and clock gates."""

from __future__ import annotations

from bnnhw.asic.assignments import Net
from bnnhw.asic.netlist import Instance, Netlist

__all__ = ["clock_nets"]


def clock_nets(netlist: Netlist) -> frozenset[int]:
    """Return the nets that are combinational functions of the port ``clk``, clock gates included.

    Outputs of registers and latches are data, and so is the latch inside a clock gate.
    """
    readers: dict[Net, list[Instance]] = {}
    for instance in netlist.instances:
        for pin in _combinational_inputs(instance):
            readers.setdefault(instance.pins.get(pin, "x"), []).append(instance)
    found: set[int] = set()
    stack: list[Net] = [n for n in netlist.inputs if ("clk", 0) in netlist.names.get(n, ())]
    while stack:
        net = stack.pop()
        if not isinstance(net, int) or net in found:
            continue
        found.add(net)
        stack += [reader.pins[pin] for reader in readers.get(net, ())
                  for pin in reader.cell.outputs if pin in reader.pins]
    return frozenset(found)


def _combinational_inputs(instance: Instance) -> tuple[str, ...]:
    """Return the inputs of an instance that its outputs depend on combinationally."""
    cell = instance.cell
    if cell.gating:
        return tuple(p.name for p in cell.pins.values() if "clock_gate_clock_pin" in p.flags)
    return () if cell.state is not None or cell.opaque else cell.inputs
