"""``Network.compare``: shows a float model and the integers of a network side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from bnnhw.html_table import html_table

__all__ = ["Comparison", "Difference", "OutputAgreement", "TensorAgreement",
           "first_difference"]

COLUMNS = ("layer", "tensor of the model", "values", "differ", "samples", "first difference")
OUTPUT_COLUMNS = ("output", "tensor of the model", "samples", "same order", "same label")


@dataclass(frozen=True)
class Difference:
    """The first value of a tensor that differs.

    Attributes
    ----------
    sample : int
    element : tuple of int
        Position in the tensor of the model, without the batch axis.
    model, network : float
        The value of the model, and the one that the network's integer stands for.
    """

    sample: int
    element: tuple[int, ...]
    model: float
    network: float

    def __str__(self) -> str:
        position = ", ".join(map(str, self.element))
        return (f"sample {self.sample}, element [{position}]: {self.model:.7g} in the model, "
                f"{self.network:.7g} in the network")


@dataclass(frozen=True)
class TensorAgreement:
    """A tensor of the model and the layer of the network that stores it as integers.

    Attributes
    ----------
    layer, tensor : str
    values : int
        Number of values in all samples.
    differing : int
        Number of values that differ by more than float rounding.
    samples : int
        Number of samples with such a value.
    first : Difference or None
    """

    layer: str
    tensor: str
    values: int
    differing: int
    samples: int
    first: Difference | None


@dataclass(frozen=True)
class OutputAgreement:
    """An output of the model.

    Attributes
    ----------
    output, tensor : str
        Name in the network and in the model.
    samples : int
    same_order : int or None
        Samples in which the integer scores order the classes as the model does, except for scores
        that are equal up to float rounding; None where the output has no scores.
    same_label : int or None
        Samples with the same label; None where the network has no label.
    """

    output: str
    tensor: str
    samples: int
    same_order: int | None
    same_label: int | None

    @property
    def equal(self) -> bool:
        return all(count in (None, self.samples) for count in (self.same_order, self.same_label))


@dataclass(frozen=True, repr=False)
class Comparison:
    """The tensors and outputs of a float model and of a network, on the same samples.

    Attributes
    ----------
    network : str
    executor : str
        What executed the model.
    samples : int
    tensors : tuple of TensorAgreement
        In the order of the network.
    outputs : tuple of OutputAgreement
    """

    network: str
    executor: str
    samples: int
    tensors: tuple[TensorAgreement, ...]
    outputs: tuple[OutputAgreement, ...]

    @property
    def first(self) -> TensorAgreement | None:
        """The first tensor that differs, in the order of the network."""
        return next((row for row in self.tensors if row.differing), None)

    @property
    def equal(self) -> bool:
        """Whether all tensors, score orders and labels are equal."""
        return self.first is None and all(output.equal for output in self.outputs)

    def rows(self) -> list[tuple[object, ...]]:
        """Return the table of tensors, with the columns ``COLUMNS``."""
        return [(row.layer, row.tensor, row.values, row.differing, row.samples,
                 "" if row.first is None else str(row.first)) for row in self.tensors]

    def output_rows(self) -> list[tuple[object, ...]]:
        """Return the table of outputs, with the columns ``OUTPUT_COLUMNS``."""
        return [(row.output, row.tensor, row.samples, row.same_order, row.same_label)
                for row in self.outputs]

    def verdict(self) -> str:
        """Say in a sentence whether the model and the network agree, and where they first differ.
        """
        against = f"{self.network} against the model ({self.executor}), {self.samples} samples"
        if self.first is not None:
            return (f"{against}: layer '{self.first.layer}' is the first that differs, in "
                    f"{self.first.differing} of {self.first.values} values of the tensor "
                    f"'{self.first.tensor}'; {self.first.first}")
        unequal = [output.output for output in self.outputs if not output.equal]
        if unequal:
            return f"{against}: all tensors are equal, but the output '{unequal[0]}' differs"
        return f"{against}: all tensors, score orders and labels are equal"

    def to_json(self) -> dict[str, object]:
        return {"network": self.network, "executor": self.executor, "samples": self.samples,
                "equal": self.equal, "first": None if self.first is None else self.first.layer,
                "tensors": [asdict(row) for row in self.tensors],
                "outputs": [asdict(row) for row in self.outputs]}

    def __repr__(self) -> str:
        return "\n".join([*_text(COLUMNS, self.rows()), "",
                          *_text(OUTPUT_COLUMNS, self.output_rows()), "", self.verdict()])

    def _repr_html_(self) -> str:
        return html_table(self.verdict(), COLUMNS, self.rows()) + html_table(
            "outputs", OUTPUT_COLUMNS, self.output_rows())


def _text(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    """Align a table; numbers have thousands separators."""
    cells = [list(columns)] + [["-" if v is None else f"{v:,}" if isinstance(v, int) else str(v)
                                for v in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells]


def first_difference(wrong: np.ndarray, shape: tuple[int, ...], model: np.ndarray,
                     network: np.ndarray) -> Difference | None:
    """Find the first element ``[n, elements]`` that is wrong; ``shape`` is that of the tensor."""
    if not wrong.any():
        return None
    sample, element = (int(k[0]) for k in np.nonzero(wrong))
    position = tuple(int(k) for k in np.unravel_index(element, shape)[1:])
    return Difference(sample, position, float(model[sample, element]),
                      float(network[sample, element]))
