"""Programs a board with a build: chooses what is written where, and runs the programmer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bnnhw.tools.program import Programming, locate, plan_programming, program
from bnnhw.tools.program_weights import plan_weights
from bnnhw.tools.programmers import INSTALL

__all__ = ["FlashPlan", "plan_flash"]


@dataclass(frozen=True)
class FlashPlan:
    """The commands that write a build to its board.

    Attributes
    ----------
    bitstream : Programming
    weights : Programming or None
        Written before the bitstream, always into the flash; None if the design loads none.
    usb : str or None
        ``BUS:NUMBER`` of the device.
    """

    bitstream: Programming
    weights: Programming | None
    usb: str | None

    @property
    def writes(self) -> tuple[Programming, ...]:
        """All commands, in the order in which they run."""
        return (self.bitstream,) if self.weights is None else (self.weights, self.bitstream)

    @property
    def overwrites_flash(self) -> bool:
        """Whether contents of the board's flash are lost."""
        return self.bitstream.persistent or self.weights is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user has to do on the board."""
        board = self.bitstream.board
        notes = (board.programmer.note(self.bitstream.persistent), board.line.note)
        return tuple(note for note in notes if note)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the programmer keeps, which file it writes, and which tools are missing."""
        plan, programmer = self.bitstream, self.bitstream.board.programmer
        remarks = [f"kept: {programmer.keeps}"] if plan.persistent and programmer.keeps else []
        remarks += [f"board: {note}" for note in self.notes]
        if plan.copied:
            remarks.append(f"{plan.file}: a copy of {plan.bitstream} with a DFU suffix, in a "
                           "temporary folder")
        if plan.installed and plan.tool != programmer.tool:
            remarks.append(f"{programmer.tool} is not installed: {plan.tool} is used instead")
        if not plan.installed:
            remarks.append(f"{plan.tool} is not installed: {INSTALL[plan.tool]}")
        return tuple(remarks)

    def execute(self, progress: Callable[[str], AbstractContextManager[object]] = nullcontext
                ) -> None:
        """Run the commands.

        Parameters
        ----------
        progress : callable
            Returns a context manager for a title; each command runs inside one.

        Raises
        ------
        LinkError
            The board was not found, or may not be opened.
        ToolError
            The programmer is missing or failed.
        """
        for write in self.writes:
            target = write.file if write is self.weights else write.board.name
            with progress(f"{write.tool}: {target}"):
                program(write, self.usb)


def plan_flash(target: Path, board: str | None = None, *, persistent: bool = False,
               weights: bool = True, usb: str | None = None) -> FlashPlan:
    """Choose the commands that write a build to its board.

    Parameters
    ----------
    target : Path
        Build folder or bitstream.
    board : str or None
        Required for a bitstream outside of a build folder.
    persistent, weights, usb
        As in ``Build.flash``.

    Raises
    ------
    PlanError
        The board does not support this kind of programming.
    ConfigError
        A file is missing, or not one of the board.
    """
    chosen, bitstream = locate(target, board)
    plan = plan_programming(chosen, bitstream, persistent, usb)
    return FlashPlan(plan, plan_weights(chosen, bitstream, usb) if weights else None, usb)
