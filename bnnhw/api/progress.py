"""Reports the progress of long calls, to the logger ``bnnhw`` and to a callback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Progress", "StageClock", "StageReport", "sample_counter"]

Progress = Callable[[str, float], None]
"""Receives the title of a stage and the fraction of it that is done, from 0 to 1."""

logger = logging.getLogger("bnnhw")


class StageClock:
    """Announces stages one after the other, and measures the time of each.

    Subclasses show the stages.

    Attributes
    ----------
    seconds : dict of str to float
        Time of each stage that was left, by title.
    """

    def __init__(self) -> None:
        self._title, self._begun = "", 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, title: str) -> Callable[[float], None]:
        """End the stage before and begin another; the result receives its fraction."""
        self.end()
        self._title, self._begun = title, time.monotonic()
        return self._show_begin(title)

    def end(self) -> None:
        """End the current stage; call it after the last one."""
        self._leave("")

    def fail(self, why: str) -> None:
        """Leave the current stage unfinished."""
        self._leave(why)

    def _leave(self, why: str) -> None:
        title, self._title = self._title, ""
        if title:
            took = time.monotonic() - self._begun
            self.seconds[title] = self.seconds.get(title, 0.0) + took
            self._show_end(title, why, took)

    def _show_begin(self, title: str) -> Callable[[float], None]:
        """Show that a stage begins; the result receives the fraction of it that is done."""
        raise NotImplementedError

    def _show_end(self, title: str, why: str, seconds: float) -> None:
        """Show that a stage was left: complete, or unfinished for the reason ``why``."""
        raise NotImplementedError


class StageReport(StageClock):
    """Reports stages to the logger ``bnnhw`` and to a callback.

    Parameters
    ----------
    progress : Progress or None
        Called with fraction 0 when a stage begins and 1 when it has ended, and in between where
        the stage knows how far it is. A stage that fails never reaches 1.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        super().__init__()
        self._progress = progress or (lambda title, fraction: None)

    def _show_begin(self, title: str) -> Callable[[float], None]:
        logger.info("%s", title)
        self._progress(title, 0.0)
        return lambda fraction: self._progress(title, min(fraction, 1.0))

    def _show_end(self, title: str, why: str, seconds: float) -> None:
        if why:
            logger.warning("%s: %s", title, why)
        else:
            self._progress(title, 1.0)


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
