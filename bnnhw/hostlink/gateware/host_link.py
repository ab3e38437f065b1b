"""Host link: connects a serial line to the streams of an accelerator and answers requests."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.link_builder import LinkBuilder
from bnnhw.hostlink.gateware.link_params import HostLinkParams
from bnnhw.rtl.shared import SharedComponent

__all__ = ["HostLink"]


class HostLink(SharedComponent):
    """Answers the requests of ``bnnhw.hostlink.wire`` for one accelerator.

    Requests are answered one at a time, in order. Bytes that arrive meanwhile wait in a queue of
    ``WINDOW`` bytes. Each byte takes at least 40 clock cycles on the line, so that CRC and lengths
    are computed bit-serially, with one circuit shared by requests and replies.

    Parameters
    ----------
    params : HostLinkParams

    Members
    -------
    rx : In(1)
        Serial line from the host.
    tx : Out(1)
        Serial line to the host.
    loading : In(1)
        The accelerator is still loading its weights.
    bad_weights : In(1)
        The accelerator could not load its weights.
    core_reset : Out(1)
        Resets the accelerator.
    to_core : Out(stream)
        Input frames.
    to_core_last : Out(1)
        The word on ``to_core`` is the last one of its frame.
    from_core : In(stream)
        Output frames.
    """

    def __init__(self, params: HostLinkParams) -> None:
        self.params = params
        super().__init__({
            "rx": In(1), "tx": Out(1, init=1), "loading": In(1), "bad_weights": In(1),
            "core_reset": Out(1), "to_core": Out(stream.Signature(8 * params.in_bytes)),
            "to_core_last": Out(1), "from_core": In(stream.Signature(8 * params.out_bytes)),
        })

    @property
    def module_name(self) -> str:
        return "bnnhw_host_link"

    def body(self, platform: object) -> Module:
        m = Module()
        builder = LinkBuilder(m, self.params)
        builder.connect_line(self.rx, self.tx)
        builder.process_bits()
        builder.check_request(self.loading, self.bad_weights)
        builder.connect_memories()
        builder.control_run(self.core_reset, self.to_core, self.to_core_last, self.from_core)
        return m
