"""The networks shipped with bnnhw: trained designs, and examples with random weights.

A trained design is a folder with ``net.yaml``, its weights and its results; the script that
trained it is next to them, or in the folder ``schemes``. An example is a ``.yaml`` file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["examples", "names", "path", "results", "title"]

_HERE = Path(__file__).parent
_EXAMPLES = _HERE / "examples"


def names() -> list[str]:
    """Names of the trained designs, sorted."""
    return sorted(_trained())


def _trained() -> dict[str, Path]:
    found = [*_HERE.glob("*/net.yaml"), *_HERE.glob("schemes/*/net.yaml")]
    return {path.parent.name: path.parent for path in found}


def examples() -> list[str]:
    """Names of the examples with random weights, sorted."""
    return sorted(p.stem for p in _EXAMPLES.glob("*.yaml"))


def path(name: str) -> Path:
    """The folder of a trained design, or the YAML file of an example."""
    return _EXAMPLES / f"{name}.yaml" if name in examples() else _trained()[name]


def results(name: str) -> dict[str, object]:
    """Results of training a design: its title, accuracy, seeds and versions."""
    data: dict[str, Any] = json.loads((path(name) / "results.json").read_text())
    return data


def title(name: str) -> str:
    """One sentence that describes a shipped network."""
    if name in names():
        return str(results(name)["title"])
    comment = []
    for line in path(name).read_text().splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment).split(". ")[0].rstrip(".")
