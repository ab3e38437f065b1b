"""Records of how the thresholds of a layer were found, and what was evaluated to prove them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["GIVEN", "Certificate"]

GIVEN = "integer thresholds, as given"
"""Method of a certificate for a layer that nothing was folded for."""


@dataclass(frozen=True)
class Certificate:
    """What was evaluated for one layer, and what it showed.

    Attributes
    ----------
    layer : str
    method : str
        Where the thresholds come from.
    channels, points : int
        Expressions, and attainable accumulator values at which each was evaluated.
    complemented, constant : int
        Channels that fall with the accumulator, and that never change.
    ties : int
        Attainable values at which the expression is exactly at its decision point.
    rounding : int
        Channels whose threshold would differ if the same expression were computed in float64.
    order : int
        Channels whose threshold could depend on the order in which the framework adds; 0 where
        the sums are exact.
    """

    layer: str
    method: str
    channels: int
    points: int
    complemented: int = 0
    constant: int = 0
    ties: int = 0
    rounding: int = 0
    order: int = 0

    def to_json(self) -> dict[str, object]:
        return asdict(self)
