"""The nets of a netlist's clock: of the port, behind inverters and buffers, and behind gates."""

from __future__ import annotations

from bnnhw.asic.netlist import Instance, Netlist

__all__ = ["clock_nets"]


def clock_nets(netlist: Netlist, clock: str = "clk") -> frozenset[int]:
    """Nets that move with the clock: all that logic and clock gates make of it.

    What a register or latch holds is data, the latch of a clock gate included.
    """
    readers: dict[int | str, list[Instance]] = {}
    for instance in netlist.instances:
        for pin in _passing(instance):
            readers.setdefault(instance.pins.get(pin, "x"), []).append(instance)
    found: set[int] = set()
    stack: list[int | str] = [n for n in netlist.inputs if (clock, 0) in netlist.names.get(n, ())]
    while stack:
        net = stack.pop()
        if not isinstance(net, int) or net in found:
            continue
        found.add(net)
        stack += [reader.pins[pin] for reader in readers.get(net, ())
                  for pin in reader.cell.outputs if pin in reader.pins]
    return frozenset(found)


def _passing(instance: Instance) -> tuple[str, ...]:
    """Inputs of an instance that its outputs follow at once."""
    cell = instance.cell
    if cell.gating:
        return tuple(p.name for p in cell.pins.values() if "clock_gate_clock_pin" in p.flags)
    return () if cell.state is not None or cell.opaque else cell.inputs
