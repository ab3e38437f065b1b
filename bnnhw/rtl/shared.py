"""Components that are emitted as one Verilog module, however often a design uses them."""

from __future__ import annotations

import abc

from amaranth.hdl import Instance, Module, Signal, Value
from amaranth.lib import wiring

__all__ = ["NamedComponent", "SharedComponent", "WrittenComponent", "ports_of", "prefix_ports"]


class SharedComponent(wiring.Component):
    """A component with a module name that its parameters determine.

    A platform with ``get_shared(component)`` (the Verilog emitter) can return an instance of a
    module that it emitted before. Everywhere else, as in Amaranth's simulator, the body itself
    is elaborated.
    """

    @property
    @abc.abstractmethod
    def module_name(self) -> str:
        """Name of the Verilog module: equal names mean equal hardware."""

    @abc.abstractmethod
    def body(self, platform: object) -> Module:
        """Make the hardware."""

    def elaborate(self, platform: object) -> Module | Instance:
        if hasattr(platform, "get_shared"):
            instance = platform.get_shared(self)
            if instance is not None:
                return instance
        return self.body(platform)


class NamedComponent(SharedComponent):
    """A component that receives the name of its module, because its constants make it unique.

    Parameters
    ----------
    module_name : str
    members : dict of Member
        Ports and streams, by name.
    """

    def __init__(self, module_name: str, members: dict[str, wiring.Member]) -> None:
        self._module_name = module_name
        super().__init__(members)

    @property
    def module_name(self) -> str:
        return self._module_name


class WrittenComponent(SharedComponent):
    """A shared component that writes its Verilog; ``body`` is the same function in Amaranth."""

    @property
    @abc.abstractmethod
    def cuts(self) -> int:
        """Registers between input and output; the module has a port ``clk`` if there are any."""

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
