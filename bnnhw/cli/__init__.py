"""The command line: a client of the library that parses arguments, calls it, and prints.

Each verb is a module, which is imported when the verb is called.
"""

from __future__ import annotations

import signal
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line, and exit with the documented code."""
    from bnnhw.cli.app import run_verb
    from bnnhw.cli.json_output import printed
    from bnnhw.cli.output import patient_output

    signal.signal(signal.SIGTERM, _stop)
    printed.clear()
    with patient_output():
        run_verb()


def _stop(number: int, _: FrameType | None) -> None:
    """End as for any error, so that started tools end too and no half-written file remains."""
    from bnnhw.cli.app import Stopped

    raise Stopped(128 + number)
