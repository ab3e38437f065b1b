"""Printing what the folds of a network were proven by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bnnhw.cli.common import print_table
from bnnhw.frontend.fold import Certificate

__all__ = ["print_certificates"]

COLUMNS = ("layer", "channels", "sums", "inverted", "constant", "ties", "rounding", "order")


def print_certificates(certificates: Sequence[Certificate], scores: dict[str, Any] | None) -> None:
    """Say for each fold what was evaluated and what it showed.

    Parameters
    ----------
    certificates : sequence of Certificate
    scores : dict or None
        ``ScoreFold.to_json`` of the network's tail, where an importer folded it.
    """
    if certificates:
        print_table("fold certificate", COLUMNS, [
            (c.layer, c.channels, c.points, c.complemented, c.constant, c.ties, c.rounding, c.order)
            for c in certificates])
    for c in certificates:
        if c.rounding or c.order:
            print(f"note: layer '{c.layer}': {c.rounding} thresholds hang on float32 rounding, "
                  f"{c.order} on the order of the framework's sums")
    if scores is None:
        return
    bits = scores["fraction_bits"]
    way = "the integer sums" if bits < 0 else (
        f"integer scale and offset of each class with {bits} fraction bits")
    print(f"scores: {way} keep the order of all attainable scores of the model; {scores['ties']} "
          "of them are equal as floats only")
    if not scores["exact_sums"]:
        print("note: the model scales its sums by numbers that are no powers of two; scores that "
              "are equal in hardware can differ by float rounding in the framework")
