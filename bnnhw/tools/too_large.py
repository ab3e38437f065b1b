"""Recognises messages of nextpnr which mean that a design is larger than its part.

For most of these designs, nextpnr prints a utilisation above 100 % before placement. The others
fail in the placer, with one of ``MESSAGES``.
"""

from __future__ import annotations

import re

from bnnhw.errors import BnnhwError, FitError, ToolError

__all__ = ["HINT", "MESSAGES", "UnroutableError", "check_utilisation", "fit_error"]

HINT = "allow more cycles per frame (`ii=`), or use a larger part"

MESSAGES = (
    "no BELs remaining to implement cell type", "Failed to expand region",
    "Unable to find legal placement", "Unable to find placement for cell", "Unable to place cell",
    "failed to place chain", "failed to place cell",
)
"""Parts of the errors of nextpnr-ice40, nextpnr-ecp5 and nextpnr-himbaechel (0.11) about cells
that cannot be placed. Errors about pins are not included: more cycles per frame save no pins."""


_UTILISATION = re.compile(r"^Info:\s+(\S+):\s*(\d+)/\s*(\d+)\s+\d+%\s*$")


class UnroutableError(FitError):
    """The router makes no progress with one placement; that of another seed can be routable."""


def check_utilisation(line: str) -> None:
    """Check a line of nextpnr's log for a utilisation above 100 %.

    Raises
    ------
    FitError
        The design has more cells of a type than the part.
    """
    found = _UTILISATION.match(line)
    if found and int(found[2]) > int(found[3]):
        raise FitError(f"the design needs {int(found[2]):,} {found[1]}, and the part has "
                       f"{int(found[3]):,}", hint=HINT)



def fit_error(error: ToolError | FitError, part: str) -> BnnhwError:
    """Return the error to raise for a failed place and route, with the name of the part.

    Parameters
    ----------
    error : ToolError or FitError
        Error of the tool, or one that was raised for a line of its log.
    part : str

    Returns
    -------
    FitError or ToolError
        A FitError if the design is too large, an UnroutableError if ``error`` is one, else
        ``error`` itself.
    """
    if isinstance(error, UnroutableError):
        return UnroutableError(error.message, where=part, hint=error.hint)
    if isinstance(error, FitError) or any(message in error.message for message in MESSAGES):
        return FitError(f"does not fit {part}: {error.message}", hint=HINT)
    return error
