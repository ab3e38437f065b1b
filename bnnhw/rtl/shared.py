"""Components that are written to Verilog once, however often a design uses them."""

from __future__ import annotations

import abc
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

__all__ = ["SharedComponent", "WrittenComponent", "ports_of", "prefix_ports"]


class SharedComponent(wiring.Component):
    """A component with a module name that its parameters determine.

    A platform with ``get_shared(component)`` (the Verilog emitter) gets the chance to answer
    with an instance of a module that it wrote before. Everywhere else, in Amaranth's simulator
    above all, the body itself is elaborated.
    """

    @property
    @abc.abstractmethod
    def module_name(self) -> str:
        """Name of the Verilog module: equal names mean equal hardware."""

    @abc.abstractmethod
    def body(self, platform: Any) -> Module:
        """Make the hardware."""

    def elaborate(self, platform: Any) -> Any:
        if hasattr(platform, "get_shared"):
            instance = platform.get_shared(self)
            if instance is not None:
                return instance
        return self.body(platform)


class WrittenComponent(SharedComponent):
    """A shared component whose Verilog is text of its own; ``body`` is its twin in Amaranth."""

    @property
    @abc.abstractmethod
    def cuts(self) -> int:
        """Registers between input and output; with any, the text has a port ``clk``."""

    @property
    @abc.abstractmethod
    def text(self) -> str:
        """Verilog of the module ``module_name``."""


def ports_of(component: wiring.Component) -> dict[str, tuple[Signal, wiring.Flow]]:
    """List the ports by the name that they have in Verilog, such as ``i_payload``."""
    ports = {}
    for path, member, value in component.signature.flatten(component):
        ports["_".join(map(str, path))] = (Value.cast(value), member.flow)
    return ports


def prefix_ports(component: wiring.Component, prefix: str) -> None:
    """Name the component's ports ``prefix_<port>`` where its parent declares them as wires."""
    for name, (signal, _) in ports_of(component).items():
        signal.name = f"{prefix}_{name}" if prefix else name
