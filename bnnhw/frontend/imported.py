"""What every importer gives."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.frontend.fold import Certificate
from bnnhw.frontend.scores import ScoreFold
from bnnhw.ir import Graph

__all__ = ["Imported"]


@dataclass(frozen=True)
class Imported:
    """A Graph and what its folds were proven by."""

    graph: Graph
    certificates: tuple[Certificate, ...]
    scores: ScoreFold | None
