"""Stages of a long command: a bar each on a terminal, a line each elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

__all__ = ["StageClock", "stages"]


class StageClock:
    """Announce stages one after the other, and keep the time of each.

    Attributes
    ----------
    seconds : dict of str to float
    """

    def __init__(self, bar: Progress, plain: bool) -> None:
        self._bar, self._plain = bar, plain
        self._title, self._begun = "", 0.0
        self._task: object = None
        self.seconds: dict[str, float] = {}

    def __call__(self, title: str) -> Callable[[float], None]:
        """Begin a stage; the result takes the fraction of it that is done."""
        self.end()
        self._title, self._begun = title, time.monotonic()
        if self._plain:
            print(f"{title} ...", file=sys.stderr, flush=True)
            return lambda fraction: None
        task = self._bar.add_task(title, total=1.0)
        self._task = task
        return lambda fraction: self._bar.update(task, completed=fraction)

    def end(self) -> None:
        """End the stage that is under way."""
        if not self._title:
            return
        took = time.monotonic() - self._begun
        self.seconds[self._title] = self.seconds.get(self._title, 0.0) + took
        if not self._plain and self._task is not None:
            self._bar.update(self._task, completed=1.0)  # type: ignore[arg-type]
        elif took > 1:
            print(f"{self._title}: {took:.0f} s", file=sys.stderr, flush=True)
        self._title = ""


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
        finally:
            clock.end()
