"""Shows the stages of a long command: a bar for each on a terminal, a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

__all__ = ["StageClock", "stages"]


class StageClock:
    """Shows stages one after the other, and measures the time of each.

    Attributes
    ----------
    seconds : dict of str to float
    """

    def __init__(self, bar: Progress, plain: bool) -> None:
        self._bar, self._plain = bar, plain
        self._title, self._begun = "", 0.0
        self._task: TaskID | None = None
        self._report: Callable[[float], None] = lambda fraction: None
        self.seconds: dict[str, float] = {}

    def __call__(self, title: str) -> Callable[[float], None]:
        """Begin a stage; the result receives the fraction of it that is done.

        The bar of a stage that reports no fraction pulses.
        """
        self.end()
        self._title, self._begun = title, time.monotonic()
        if self._plain:
            print(f"{title} ...", file=sys.stderr, flush=True)
            return lambda fraction: None
        task = self._task = self._bar.add_task(title, total=None)
        return lambda fraction: self._bar.update(task, total=1.0, completed=fraction)

    def show(self, title: str, fraction: float) -> None:
        """Show progress of the library: begin the stage, advance it, or end it at fraction 1."""
        if fraction >= 1:
            self.end()
        elif title != self._title:
            self._report = self(title)
        elif fraction:
            self._report(fraction)

    def end(self) -> None:
        """Mark the current stage as done."""
        self._leave("")

    def fail(self, why: str) -> None:
        """Stop the current stage before it is done; its bar keeps its length."""
        self._leave(why)

    def _leave(self, why: str) -> None:
        if not self._title:
            return
        took = time.monotonic() - self._begun
        self.seconds[self._title] = self.seconds.get(self._title, 0.0) + took
        if self._task is not None:
            if why:
                # A bar without a total would pulse forever.
                total = self._bar.tasks[self._bar.task_ids.index(self._task)].total
                self._bar.update(self._task, description=f"{self._title}: {why}",
                                 total=1.0 if total is None else total)
            else:
                self._bar.update(self._task, total=1.0, completed=1.0)
            self._bar.stop_task(self._task)
        elif why or took > 1:
            print(f"{self._title}: {f'{why} after ' if why else ''}{took:.0f} s",
                  file=sys.stderr, flush=True)
        self._title, self._task = "", None


@contextmanager
def stages(quiet: bool = False) -> Iterator[StageClock]:
    """Show stages on standard error until the block ends."""
    console = Console(stderr=True, quiet=quiet)
    plain = not console.is_terminal
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                   TimeElapsedColumn(), console=console, disable=plain)
    with bar:
        clock = StageClock(bar, plain)
        try:
            yield clock
        except BaseException:
            clock.fail("stopped")
            raise
        clock.end()
