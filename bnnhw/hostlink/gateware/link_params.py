"""Parameters of a host link, and the size of its input memory."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.hostlink.gateware.frame_input import InputShape
from bnnhw.hostlink.wire import MIN_ECHO

__all__ = ["WINDOW", "HostLinkParams", "input_shape"]

WINDOW = 256
"""Bytes of the receive queue. With an error bit per byte it fills one block RAM of an iCE40."""


@dataclass(frozen=True)
class HostLinkParams:
    """Parameters of a ``HostLink``.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit on the serial line.
    identity : bytes
        A packed ``bnnhw.hostlink.wire.Identity``.
    in_bytes, in_words, out_bytes, out_words : int
        Bytes per word and words per frame of the accelerator's input and output stream.
    lanes : int
        Bytes per row of the input memory; see ``FrameInput``.
    timeout : int
        An incomplete request is dropped after at least ``timeout / 2`` and at most ``timeout``
        cycles without a byte. A power of two.
    watchdog : int
        Cycles without a word on either stream that a run survives. After at most four times as
        many it is aborted.
    in_flight : int
        Frames that the accelerator processes at the same time, at most. It may receive up to twice
        as many plus three before it has to answer.

    Raises
    ------
    ValueError
        ``timeout`` is not a power of two.
    """

    divisor: int
    identity: bytes
    in_bytes: int
    in_words: int
    out_bytes: int
    out_words: int
    lanes: int
    timeout: int
    watchdog: int
    in_flight: int

    def __post_init__(self) -> None:
        if self.timeout & self.timeout - 1:
            raise ValueError(f"timeout {self.timeout!r} must be a power of two")


def input_shape(in_bytes: int, in_words: int, lanes: int) -> InputShape:
    """Return the shape of the input memory, which also stores the payload of an echo."""
    return InputShape(in_bytes, in_words, lanes, max(in_bytes * in_words, MIN_ECHO))
