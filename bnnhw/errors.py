"""The exceptions of bnnhw, with the exit code that the command line gives for each.

Messages are written for the library: an option is shown as the keyword argument of the API, in
backquotes, such as `` `ii=64` `` (see ``option``). A client with another syntax replaces what
``OPTION`` matches: the command line turns it into ``--ii 64``.
"""

from __future__ import annotations

import re

__all__ = [
    "OPTION",
    "BnnhwError",
    "ConfigError",
    "FitError",
    "LinkError",
    "MismatchError",
    "ModelError",
    "PlanError",
    "TimingError",
    "ToolError",
    "option",
]

OPTION = re.compile(r"`([a-z_]+)=([^`]*)`")
"""Matches an option in a message: its keyword, and its value or an empty string."""


def option(keyword: str, value: object = None) -> str:
    """Write an option of the API so that every client can show it in the client's syntax.

    Parameters
    ----------
    keyword : str
        Keyword argument of the library, such as ``ii`` or ``clock_mhz``.
    value : object
        Value to show; None for the option without a value.

    Examples
    --------
    >>> option("ii", 64), option("fps")
    ('`ii=64`', '`fps=`')
    """
    shown = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{keyword}={shown}`"


class BnnhwError(Exception):
    """Reports where something is wrong, what was expected, and how to fix it.

    Parameters
    ----------
    message : str
        What is wrong and what was expected, in one line.
    where : str or None
        The layer, node, file or key that the message is about.
    hint : str or None
        What the user can do about it.
    result : object
        What was made before the error was found, if it can be used: the ``Design`` that misses its
        goal, the ``Build`` that misses its clock, or the run whose outputs differ.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None,
                 result: object = None):
        self.message = " ".join(message.split())
        self.where = where
        self.hint = hint
        self.result = result
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(BnnhwError):
    """A layers.yaml, a weight file, an input array or an option is malformed."""


class ModelError(BnnhwError):
    """A network contains something illegal, or something without an exact integer meaning."""


class PlanError(BnnhwError):
    """No plan exists for this network with the given fold, memory or goal."""


class FitError(BnnhwError):
    """The design is larger than the device."""

    exit_code = 3


class TimingError(BnnhwError):
    """The design is slower than its goal or its clock."""

    exit_code = 4


class MismatchError(BnnhwError):
    """The hardware and the golden model disagree.

    Attributes
    ----------
    layer : str or None
        First layer whose values differ, where that is known.
    frame, channel : int or None
        First frame, and element of the layer's output, that differs.
    """

    exit_code = 5

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None,
                 result: object = None, layer: str | None = None, frame: int | None = None,
                 channel: int | None = None):
        self.layer, self.frame, self.channel = layer, frame, channel
        super().__init__(message, where=where, hint=hint, result=result)


class ToolError(BnnhwError):
    """A tool or an optional package is missing, or it failed."""

    exit_code = 6


class LinkError(BnnhwError):
    """A board or its serial line was not found, does not answer, or carries another design."""

    exit_code = 7
