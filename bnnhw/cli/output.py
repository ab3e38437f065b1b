"""Standard output that tolerates an early end of its reader: ``bnnhw list devices | head -1``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

__all__ = ["patient_output"]


class _PatientStream:
    """A text stream that discards what is written once its pipe is closed.

    The verb then still runs to its end, so that its exit code is the right one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._discard()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)


@contextmanager
def patient_output() -> Iterator[None]:
    """Let standard output outlive its reader until the block ends."""
    before = sys.stdout
    patient = _PatientStream(before)
    sys.stdout = cast(TextIO, patient)
    try:
        yield
    finally:
        patient.flush()
        sys.stdout = before
