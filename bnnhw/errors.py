"""Every error that a user can cause or meet, with the exit code of the command line."""

from __future__ import annotations

__all__ = [
    "BnnhwError",
    "ConfigError",
    "FitError",
    "LinkError",
    "MismatchError",
    "ModelError",
    "PlanError",
    "TimingError",
    "ToolError",
]


class BnnhwError(Exception):
    """Say where something is wrong, what was expected, and how to mend it.

    Parameters
    ----------
    message : str
        What is wrong and what was expected, in one line.
    where : str or None
        The layer, node, file or key that the message is about.
    hint : str or None
        What the user can do about it.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None):
        self.message = " ".join(message.split())
        self.where = where
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(BnnhwError):
    """A layers.yaml, a weights.npz or an input array is not what it has to be."""


class ModelError(BnnhwError):
    """A network holds something that has no exact integer meaning, or that is not legal."""


class PlanError(BnnhwError):
    """A folding, a memory or a goal cannot be planned for this network."""


class FitError(BnnhwError):
    """The design is larger than the device."""

    exit_code = 3


class TimingError(BnnhwError):
    """The design is slower than its clock."""

    exit_code = 4


class MismatchError(BnnhwError):
    """Hardware and golden model disagree."""

    exit_code = 5


class ToolError(BnnhwError):
    """A tool or an optional package is missing, or it failed."""

    exit_code = 6


class LinkError(BnnhwError):
    """A board, or the line to it, was not found, is another one, or does not answer as it must."""

    exit_code = 7
