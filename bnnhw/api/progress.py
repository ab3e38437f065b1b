"""Reports the progress of long calls, to the logger ``bnnhw`` and to a callback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from bnnhw.tools.stages import Stages

__all__ = ["Progress", "StageLog", "StageReport", "sample_counter"]

Progress = Callable[[str, float], None]
"""Receives the title of a stage and the fraction of it that is done, from 0 to 1."""

logger = logging.getLogger("bnnhw")


class StageLog(Stages, Protocol):
    """Announces stages one after the other, and measures the time of each."""

    seconds: dict[str, float]

    def end(self) -> None:
        """End the current stage."""


class StageReport:
    """Announces stages one after the other, and measures the time of each.

    Parameters
    ----------
    progress : Progress or None
        Called with fraction 0 when a stage begins and 1 when it has ended, and in between where
        the stage knows how far it is. A stage that fails never reaches 1.

    Attributes
    ----------
    seconds : dict of str to float
        Time of each ended stage, by title.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress or (lambda title, fraction: None)
        self._title, self._begun = "", 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, title: str) -> Callable[[float], None]:
        """End the stage before and begin another; the result receives its fraction."""
        self.end()
        logger.info("%s", title)
        self._title, self._begun = title, time.monotonic()
        self._progress(title, 0.0)
        return lambda fraction: self._progress(title, min(fraction, 1.0))

    def end(self) -> None:
        """End the current stage; call it after the last one."""
        if self._title:
            self._keep_time()
            self._progress(self._title, 1.0)
            self._title = ""

    def fail(self, why: str) -> None:
        """Leave the current stage unfinished."""
        logger.warning("%s: %s", self._title, why)
        self._keep_time()
        self._title = ""

    def _keep_time(self) -> None:
        took = time.monotonic() - self._begun
        self.seconds[self._title] = self.seconds.get(self._title, 0.0) + took


def sample_counter(progress: Progress | None, title: str, total: int) -> Callable[[int], None]:
    """Convert numbers of finished samples to fractions of one stage.

    Parameters
    ----------
    progress : Progress or None
    title : str
        The stage.
    total : int
        Number of samples, at least 1.

    Returns
    -------
    callable
        Receives the number of samples that were finished since its last call.
    """
    done = 0

    def count(samples: int) -> None:
        nonlocal done
        done += samples
        if progress is not None:
            progress(title, min(done / total, 1.0))

    return count
