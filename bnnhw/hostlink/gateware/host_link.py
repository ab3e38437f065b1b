"""The link: a serial line on one side, an accelerator's streams on the other."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.link_parts import WINDOW, LinkParts
from bnnhw.rtl.shared import SharedComponent

__all__ = ["WINDOW", "HostLink"]


class HostLink(SharedComponent):
    """Answer the requests of ``bnnhw.hostlink.wire`` about one accelerator.

    Requests are answered in order, one at a time; bytes that come meanwhile wait in a queue of
    ``WINDOW`` bytes. A byte has at least 40 cycles of its own on the line, so that all that is
    known of a frame is reckoned bit by bit, of requests and of replies with the same gates.

    Parameters
    ----------
    divisor : int
        Cycles of a bit on the line.
    identity : bytes
        A packed ``bnnhw.hostlink.wire.Identity``.
    in_bytes, in_words, out_bytes, out_words : int
        Bytes a word and words a frame of the accelerator's streams.
    lanes : int
        Bytes a word of the input memory; see ``FrameInput``.
    timeout : int
        A frame that has begun is dropped within so many cycles without a byte, and not within half
        as many; a power of two.
    watchdog : int
        Cycles without a word on either stream that a run survives; it is given up within less than
        four times as many.
    in_flight : int
        Frames that the accelerator works on at a time, at most. It is given up to twice as many
        and three before it has to answer.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    loading, bad_weights : In(1)
        The accelerator's weights are not there yet; they never will be.
    core_reset : Out(1)
    to_core : Out(stream)
    to_core_last : Out(1)
    from_core : In(stream)
    """

    def __init__(self, *, divisor: int, identity: bytes, in_bytes: int, in_words: int,
                 out_bytes: int, out_words: int, lanes: int, timeout: int, watchdog: int,
                 in_flight: int) -> None:
        if timeout & timeout - 1:
            raise ValueError(f"timeout {timeout!r} must be a power of two")
        self.divisor, self.identity = divisor, identity
        self.in_bytes, self.in_words = in_bytes, in_words
        self.out_bytes, self.out_words = out_bytes, out_words
        self.lanes, self.timeout, self.watchdog = lanes, timeout, watchdog
        self.in_flight = in_flight
        super().__init__({
            "rx": In(1), "tx": Out(1, init=1), "loading": In(1), "bad_weights": In(1),
            "core_reset": Out(1), "to_core": Out(stream.Signature(8 * in_bytes)),
            "to_core_last": Out(1), "from_core": In(stream.Signature(8 * out_bytes)),
        })

    @property
    def module_name(self) -> str:
        return "bnnhw_host_link"

    def body(self, platform: Any) -> Module:
        m = Module()
        parts = LinkParts(m, self)
        parts.line(self)
        parts.frame()
        parts.judge(self)
        parts.storage()
        parts.run(self)
        return m
