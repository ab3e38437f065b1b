"""Executes docs/notebook.ipynb and stores its outputs: ``python docs/run_notebook.py``.

It needs no Jupyter: cells run one after the other in one namespace, as a kernel would run them.
Cells with the tag ``board`` are skipped, because they need the place-and-route tools and a board.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["NOTEBOOK", "execute", "read_notebook"]

NOTEBOOK = Path(__file__).with_name("notebook.ipynb")
SKIPPED = "board"


def read_notebook() -> dict[str, Any]:
    """Return the notebook as JSON values."""
    data: dict[str, Any] = json.loads(NOTEBOOK.read_text())
    return data


def execute(notebook: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Run the code cells in order, in an empty folder, and yield each with its outputs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and SKIPPED not in cell["metadata"].get("tags", ()):
                yield cell, _run("".join(cell["source"]), names)


def _run(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Run one cell; its outputs are what it prints, and the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout",
                        "text": printed.getvalue().splitlines(keepends=True)})
    if value is not None:
        shown = {"text/plain": [repr(value)]}
        if hasattr(value, "_repr_html_"):
            shown["text/html"] = [value._repr_html_()]
        outputs.append({"output_type": "execute_result", "execution_count": None, "metadata": {},
                        "data": shown})
    return outputs


def main() -> None:
    notebook = read_notebook()
    for number, (cell, outputs) in enumerate(execute(notebook), 1):
        cell["execution_count"] = number
        for output in outputs:
            if "execution_count" in output:
                output["execution_count"] = number
        cell["outputs"] = outputs
    NOTEBOOK.write_text(json.dumps(notebook, indent=1) + "\n")


if __name__ == "__main__":
    main()
