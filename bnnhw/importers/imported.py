"""What every importer gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bnnhw.importers.scores import IntegerScores
from bnnhw.ir import Graph
from bnnhw.ir.certificate import Certificate

__all__ = ["CheckResult", "Imported"]


@dataclass(frozen=True)
class CheckResult:
    """What the comparison of an import with an independent execution showed.

    Attributes
    ----------
    executor : str
        Packages and versions that executed the model.
    samples, tensors, outputs : int
        Random samples, and what was compared of each.
    ties : int
        Samples in which float rounding decided differently, and which were compared up to there
        only.
    seed : int
    """

    executor: str
    samples: int
    tensors: int
    outputs: int
    ties: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Imported:
    """A Graph and what its folds were proven by.

    Attributes
    ----------
    graph : Graph
    certificates : tuple of Certificate
    scores : IntegerScores or None
        How the integer scores follow from the model's, where an importer folded them.
    notes : tuple of str
        What the user has to know, a sentence each: approximations with their bounds, and layers
        that cost more than the user may expect.
    check : dict or None
        The comparison with an independent execution of the model (``CheckResult.to_json``).
    """

    graph: Graph
    certificates: tuple[Certificate, ...]
    scores: IntegerScores | None
    notes: tuple[str, ...] = ()
    check: dict[str, Any] | None = None
