"""Shows the stages of a long command: a bar for each on a terminal, a line elsewhere."""

from __future__ import annotations

import sys
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

from bnnhw.api.progress import StageClock

__all__ = ["StageBars", "stages"]


class StageBars(StageClock):
    """Shows stages one after the other on standard error.

    The bar of a stage that reports no fraction pulses.

    Parameters
    ----------
    bar : Progress
        Bars of a terminal.
    plain : bool
        Standard error is no terminal: print lines instead.
    """

    def __init__(self, bar: Progress, plain: bool) -> None:
        super().__init__()
        self._bar, self._plain = bar, plain
        self._task: TaskID | None = None
        self._report: Callable[[float], None] = lambda fraction: None

    def show(self, title: str, fraction: float) -> None:
        """Show progress of the library: begin the stage, advance it, or end it at fraction 1."""
        if fraction >= 1:
            self.end()
        elif title != self._title:
            self._report = self(title)
        elif fraction:
            self._report(fraction)

    def _show_begin(self, title: str) -> Callable[[float], None]:
        if self._plain:
            print(f"{title} ...", file=sys.stderr, flush=True)
            return lambda fraction: None
        task = self._task = self._bar.add_task(title, total=None)
        return lambda fraction: self._bar.update(task, total=1.0, completed=fraction)

    def _show_end(self, title: str, why: str, seconds: float) -> None:
        if self._task is not None:
            if why:
                # A bar without a total would pulse forever.
                total = self._bar.tasks[self._bar.task_ids.index(self._task)].total
                self._bar.update(self._task, description=f"{title}: {why}",
                                 total=1.0 if total is None else total)
            else:
                self._bar.update(self._task, total=1.0, completed=1.0)
            self._bar.stop_task(self._task)
            self._task = None
        elif why or seconds > 1:
            print(f"{title}: {f'{why} after ' if why else ''}{seconds:.0f} s",
                  file=sys.stderr, flush=True)


@contextmanager
def stages() -> Iterator[StageBars]:
    """Show stages on standard error until the block ends."""
    console = Console(stderr=True)
    plain = not console.is_terminal
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                   TimeElapsedColumn(), console=console, disable=plain)
    with bar:
        shown = StageBars(bar, plain)
        try:
            yield shown
        except BaseException:
            shown.fail("stopped")
            raise
        shown.end()
