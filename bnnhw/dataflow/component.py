"""Base classes of the components of units with one input stream and one output stream."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.rtl.shared import NamedComponent, SharedComponent

__all__ = ["ConstantUnit", "NamedUnit", "UnitComponent"]


class _Streams(Protocol):
    """What the ports of a component depend on."""

    @property
    def i(self) -> StreamPlan: ...

    @property
    def o(self) -> StreamPlan: ...


P = TypeVar("P", bound=_Streams)
K = TypeVar("K")


def _members(params: _Streams) -> dict[str, wiring.Member]:
    return {"i": In(stream.Signature(params.i.bits)), "o": Out(stream.Signature(params.o.bits))}


class UnitComponent(SharedComponent, Generic[P]):
    """The component of a unit, from the unit's parameters alone.

    Parameters
    ----------
    params : Params
    **members
        Its ports in addition to the two streams.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, params: P, **members: wiring.Member) -> None:
        self.params = params
        super().__init__({**_members(params), **members})


class NamedUnit(NamedComponent, Generic[P]):
    """The component of a unit, in a module with a given name.

    Parameters
    ----------
    params : Params
    module_name : str
    **members
        Its ports in addition to the two streams.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, params: P, module_name: str, **members: wiring.Member) -> None:
        self.params = params
        super().__init__(module_name, {**_members(params), **members})


class ConstantUnit(NamedUnit[P], Generic[P, K]):
    """The component of a unit that stores constants.

    Parameters
    ----------
    params : Params
    constants
        Those of ``params.create``.
    module_name : str
    **members
        Its ports in addition to the two streams.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    def __init__(self, params: P, constants: K, module_name: str, **members: wiring.Member) -> None:
        self.constants = constants
        super().__init__(params, module_name, **members)
