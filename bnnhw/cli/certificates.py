"""Prints the certificate of each fold of a network, and the notes of its importer."""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.cli.tables import print_table
from bnnhw.importers.check_result import CheckResult
from bnnhw.importers.network import Network
from bnnhw.ir.certificate import Certificate
from bnnhw.json_types import Json

__all__ = ["print_certificates"]

COLUMNS = ("layer", "channels", "sums", "inverted", "constant", "ties", "rounding", "order")


def print_certificates(network: Network) -> None:
    """Print for each fold what was evaluated and what it showed, and what an importer noted."""
    _print_folds(network.certificates, network.scores)
    for note in network.notes:
        print(f"note: {note}")
    if network.check is not None:
        c = CheckResult(**network.check)
        print(f"checked against {c.executor}: {c.samples} random samples, {c.tensors} tensors, "
              f"{c.outputs} output{'s' * (c.outputs != 1)}, 0 differ; {c.ties} samples met a tie "
              "of float rounding")


def _print_folds(certificates: Sequence[Certificate], scores: Json | None) -> None:
    if certificates:
        print_table("fold certificate", COLUMNS, [
            (c.layer, c.channels, c.points, c.complemented, c.constant, c.ties, c.rounding, c.order)
            for c in certificates])
    for c in certificates:
        if c.rounding or c.order:
            print(f"note: layer '{c.layer}': {c.rounding} thresholds depend on float32 rounding, "
                  f"{c.order} on the order of the framework's sums or on an approximation")
    if scores is None:
        return
    bits = scores["fraction_bits"]
    method = "the integer sums" if bits < 0 else (
        f"integer scale and offset of each class with {bits} fraction bits")
    print(f"scores: {method} keep the order of all attainable scores of the model; "
          f"{scores['ties']} of them are equal as floats only")
    if not scores["exact_sums"]:
        print("note: the model scales its sums by numbers that are no powers of two; scores that "
              "are equal in hardware can differ by float rounding in the framework")
