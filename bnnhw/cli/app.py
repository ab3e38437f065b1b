"""The command line as a typer application, and its errors as lines with exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

import typer

from bnnhw import __version__
from bnnhw.cli.flags import with_flags
from bnnhw.cli.json_output import print_json, printed
from bnnhw.cli.verbs import RUN_TOOLS, VerbGroup
from bnnhw.errors import BnnhwError

__all__ = ["Stopped", "app", "run_verb"]

_MACHINE_ERRORS = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""Errors of the machine, not defects of bnnhw, when a file cannot be written."""

app = typer.Typer(
    name="bnnhw", cls=VerbGroup, add_completion=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a trained binary neural network to hardware that is proven bit-exact.")


class Stopped(SystemExit):
    """A signal ends the command; verbs may print what is known before it does."""


def _version(show: bool) -> None:
    if show:
        print(f"bnnhw {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True,
                                 help="Print the version."),
) -> None:
    """Exit codes: 0 done, 1 a defect of bnnhw, 2 bad usage or input, 3 does not fit the device,
    4 timing missed, 5 hardware differs from golden, 6 a tool is missing or failed, 7 board or
    link not found."""
    if context.invoked_subcommand in RUN_TOOLS:
        from bnnhw.caches import prepare_caches

        if note := prepare_caches().note:
            print(f"note: {note}", file=sys.stderr)
    if context.invoked_subcommand is None:
        print(context.get_help())


def run_verb() -> NoReturn:
    """Run the verb of ``sys.argv``, and exit with the documented code."""
    try:
        code = app(standalone_mode=False)
    except BnnhwError as error:
        _fail(str(error), error.exit_code, type(error).__name__, error.message, error.where,
              error.hint)
    except Stopped as stop:
        _fail("stopped", int(stop.code or 1))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", 130)
    except MemoryError:
        _fail("this machine has too little memory for that", 2)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror}", 2)
        # Some versions of typer bring a private copy of click, so its usage errors are recognised
        # by their method instead of their class.
        if hasattr(error, "format_message"):
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "bnnhw"
            _fail(f"{error.format_message()} (try: {path} --help)", 2, "UsageError",
                  error.format_message(), path, f"{path} --help shows the options")
        if os.environ.get("BNNHW_DEBUG"):
            raise
        _fail(f"a defect of bnnhw: {type(error).__name__}: {error} (BNNHW_DEBUG=1 shows where)", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(line: str, code: int, kind: str = "", message: str = "", where: str | None = None,
          hint: str | None = None) -> NoReturn:
    """Print an error: one line on standard error, and with ``--json`` a document as well.

    A verb that has printed its document prints no second one.
    """
    verb = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    line, message = (with_flags(" ".join(text.split()), verb) for text in (line, message or line))
    hint = None if hint is None else with_flags(hint, verb)
    print(f"error: {line}", file=sys.stderr)
    if "--json" in sys.argv[1:] and not printed:
        print_json("bnnhw.error/1", {
            "exit_code": code, "kind": kind or {1: "Defect", 2: "UsageError"}.get(code, "Stopped"),
            "where": where, "message": message, "hint": hint})
    sys.exit(code)
