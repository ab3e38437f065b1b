"""Compares expected and received outputs sample by sample, and with true labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ConfigError, option
from bnnhw.ir import Graph

__all__ = ["COLUMNS", "Prediction", "accuracy", "check_labels", "predictions"]

SHOWN_VALUES = 10
"""Number of values of an output that a table shows."""


@dataclass(frozen=True)
class Prediction:
    """The outputs of one sample.

    Attributes
    ----------
    sample : int
        Index of the sample.
    label : int or None
        Its true label, where labels are given.
    expected, got : dict of int64 arrays
        Outputs by name, of the golden model and of the hardware.
    """

    sample: int
    label: int | None
    expected: dict[str, np.ndarray]
    got: dict[str, np.ndarray]

    @property
    def equal(self) -> bool:
        return all((self.expected[name] == self.got[name]).all() for name in self.expected)

    @property
    def remark(self) -> str:
        """``DIFFERS`` if the hardware is wrong, ``wrong label`` if the network is, else empty."""
        if not self.equal:
            return "DIFFERS"
        if self.label is None or "label" not in self.got:
            return ""
        return "" if self.got["label"].item() == self.label else "wrong label"

    def row(self) -> tuple[object, ...]:
        """Return a row of a table: sample, true label, expected, got, remark."""
        label = "" if self.label is None else self.label
        return self.sample, label, _shown(self.expected), _shown(self.got), self.remark

    def to_json(self) -> dict[str, object]:
        return {"sample": self.sample, "label": self.label,
                "expected": {name: value.tolist() for name, value in self.expected.items()},
                "got": {name: value.tolist() for name, value in self.got.items()},
                "equal": self.equal}


COLUMNS = ("sample", "label", "expected", "got", "")
"""Headings of the rows."""


def predictions(expected: dict[str, np.ndarray], got: dict[str, np.ndarray],
                labels: np.ndarray | None, count: int) -> list[Prediction]:
    """Return the predictions of the first ``count`` samples."""
    samples = min(count, len(next(iter(expected.values()))))
    return [Prediction(k, None if labels is None else int(labels[k]),
                       {name: value[k] for name, value in expected.items()},
                       {name: value[k] for name, value in got.items()}) for k in range(samples)]


def check_labels(labels: np.ndarray, graph: Graph, count: int) -> None:
    """Check that there is a true label for the label that a network gives for each sample.

    Raises
    ------
    ConfigError
        The network gives no label, or one for each pixel, or ``labels`` has not the shape
        ``(count,)``.
    """
    types = graph.output_types()
    if "label" not in types:
        raise ConfigError("the network has no output 'label'", where="labels",
                          hint=f"leave out {option('labels')}")
    if types["label"].size != 1:
        raise ConfigError(f"the network has a label for each pixel ({types['label']}), expected "
                          "one for each sample", where="labels",
                          hint=f"leave out {option('labels')}, and compare the output 'label' with "
                          "the true map")
    if np.shape(labels) != (count,):
        raise ConfigError(f"has shape {np.shape(labels)}, expected ({count},)", where="labels")


def accuracy(outputs: dict[str, np.ndarray], labels: np.ndarray | None) -> float | None:
    """Return the fraction of samples whose label is the true one; None without true labels."""
    if labels is None or not len(labels):
        return None
    return float((outputs["label"] == labels).mean())


def _shown(outputs: dict[str, np.ndarray]) -> str:
    """Format the label and the first values of the other outputs for one cell of a table."""
    single = "label" in outputs and outputs["label"].size == 1
    parts = [str(outputs["label"].item())] if single else []
    for name, value in outputs.items():
        if name != "label" or not single:
            values = " ".join(str(v) for v in value.ravel()[:SHOWN_VALUES].tolist())
            parts.append(f"{name} {values}{' ...' if value.size > SHOWN_VALUES else ''}")
    return "; ".join(parts)
