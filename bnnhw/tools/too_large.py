"""Recognises the messages of nextpnr that mean that a design is larger than its part.

Most designs that are too large are known by the utilisation that nextpnr prints before it places
anything. The others fail in the placer, with one of ``MESSAGES``.
"""

from __future__ import annotations

import re

from bnnhw.errors import BnnhwError, FitError, ToolError

__all__ = ["HINT", "MESSAGES", "check_utilisation", "fit_error", "lacks_memory"]

HINT = "allow more cycles a frame (`ii=`), or take a larger part"

MESSAGES = (
    "no BELs remaining to implement cell type", "Failed to expand region",
    "Unable to find legal placement", "Unable to find placement for cell", "Unable to place cell",
    "failed to place chain", "failed to place cell",
)
"""Parts of the errors of nextpnr-ice40, nextpnr-ecp5 and nextpnr-himbaechel (0.11) about cells
that find no place. Pins are not among them: more cycles a frame need as many."""

_BLOCK_RAM = ("ICESTORM_RAM", "DP16KD", "BSRAM", "'SP'", "'DP'", "'SDP'", "'pROM'", "'SPX9'",
              "'DPX9'", "'SDPX9'", "'pROMX9'")
"""Types of cells, as utilisation and errors name them."""

_UTILISATION = re.compile(r"^Info:\s+(\S+):\s*(\d+)/\s*(\d+)\s+\d+%\s*$")


def check_utilisation(line: str) -> None:
    """Look at a line of nextpnr's log.

    Raises
    ------
    FitError
        It says that more cells of a type are used than the part has.
    """
    found = _UTILISATION.match(line)
    if found and int(found[2]) > int(found[3]):
        raise FitError(f"the design needs {int(found[2]):,} {found[1]}, and the part has "
                       f"{int(found[3]):,}", hint=HINT)


def lacks_memory(error: FitError) -> bool:
    """Whether it is block RAM that a design has too much of."""
    return any(cell in error.message for cell in _BLOCK_RAM)


def fit_error(error: ToolError | FitError, part: str) -> BnnhwError:
    """The error to raise for a failed place and route, with the name of the part.

    Parameters
    ----------
    error : ToolError or FitError
        What the tool said, or what ``check_utilisation`` found.
    part : str

    Returns
    -------
    FitError or ToolError
        A FitError where the tool says that the design is too large, else ``error`` itself.
    """
    if isinstance(error, FitError) or any(message in error.message for message in MESSAGES):
        return FitError(f"does not fit {part}: {error.message}", hint=HINT)
    return error
