"""Records what the comparison of an import with an independent execution covered."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """What the comparison of an import with an independent execution covered.

    Attributes
    ----------
    executor : str
        Packages and versions that executed the model.
    samples : int
        Number of random samples.
    tensors, outputs : int
        Number of tensors and of outputs that were compared in each sample.
    ties : int
        Samples in which float rounding decided differently, and which were compared only up to
        that point.
    seed : int
        Of the random samples.
    """

    executor: str
    samples: int
    tensors: int
    outputs: int
    ties: int
    seed: int

    def to_json(self) -> dict[str, object]:
        return asdict(self)
