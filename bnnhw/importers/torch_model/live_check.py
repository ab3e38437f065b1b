"""Compares an import with the live model itself, which torch executes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.check import TensorComparison, model_inputs
from bnnhw.importers.onnx.imported import Imported

__all__ = ["check_live", "stored_samples"]

MAX_TIES = 0.05
"""Share of the samples whose outputs may differ because of rounding, in addition to twice the share
that the comparison of the tensors found; one sample always may."""

Run = Callable[[np.ndarray], Sequence[np.ndarray]]
"""``x [1, ...] -> outputs`` of the model, in its order."""

HINT = ("check that the model gives equal results for equal inputs, that no Python condition in it "
        "depends on the values of a tensor, and report it as a defect of bnnhw if so")


def check_live(imported: Imported, run: Run, x: np.ndarray, inexact: bool = False) -> int:
    """Compare the outputs of a live model with those of the network.

    A sample in which float rounding can decide a quantised value, and whose outputs differ, counts
    as a tie; more than ``MAX_TIES`` of them are an error.

    Parameters
    ----------
    imported : Imported
    run : function
        Runs the live model on one sample, as the model sees it.
    x : int64 [n, *shape]
        Samples as the network stores them.
    inexact : bool
        The model also rounds values that float32 represents exactly, as straight-through
        expressions do.

    Returns
    -------
    int
        Number of samples in which float rounding decided differently.

    Raises
    ------
    ModelError
        The outputs differ, or the model gives two results for one sample.
    """
    ends = imported.translation.outputs
    comparison = TensorComparison(imported.translation, imported.network.graph,
                                  {end.tensor for end in ends})
    ties = 0
    for part in comparison.parts(x):
        found = [list(run(one)) for one in model_inputs(imported.start, part)]
        if len(found[0]) != len(ends):
            raise ModelError(f"returns {len(found[0])} tensors, but was exported with {len(ends)}",
                             where="model")
        again = run(next(model_inputs(imported.start, part)))
        if not all(np.array_equal(a, b) for a, b in zip(found[0], again, strict=True)):
            raise ModelError("gives two different results for the same sample", where="model",
                             hint="remove random numbers from its evaluation, such as a stochastic "
                             "sign, and state that a forward pass changes")
        tensors = {}
        for k, end in enumerate(ends):
            tensors[end.tensor] = np.stack([outputs[k] for outputs in found])
            if not end.label:  # a softmax keeps the order
                tensors[end.scores] = tensors[end.tensor]
        sensitive = comparison.sensitive(part, inexact)
        try:
            ties += comparison.compare(part[~sensitive], _chosen(tensors, ~sensitive))
        except ModelError as error:
            raise ModelError(f"the network differs from the live model: {error.message}",
                             where=error.where, hint=HINT) from None
        ties += sum(_differs(comparison, part, tensors, int(k))
                    for k in np.flatnonzero(sensitive))
    check = imported.network.check
    known = check["ties"] / check["samples"] if check else 0.0
    if ties > max(1.0, (MAX_TIES + 2 * known) * len(x)):
        raise ModelError(f"the network differs from the live model in {ties} of {len(x)} samples, "
                         "more than float rounding explains", where="model", hint=HINT)
    return ties


def _chosen(tensors: dict[str, np.ndarray], which: np.ndarray) -> dict[str, np.ndarray]:
    return {name: tensor[which] for name, tensor in tensors.items()}


def _differs(comparison: TensorComparison, x: np.ndarray, tensors: dict[str, np.ndarray],
             sample: int) -> bool:
    one = np.arange(len(x)) == sample
    try:
        return comparison.compare(x[one], _chosen(tensors, one)) > 0
    except ModelError:
        return True


def stored_samples(start: Chain, seen: np.ndarray) -> np.ndarray:
    """Find the integers of the network that come closest to samples as the model sees them.

    Parameters
    ----------
    start : Chain
        The input of the model.
    seen : float [n, ...]
        Samples in the shape of the model's input.

    Returns
    -------
    int64 [n, *start.type.shape]
    """
    flat = seen.reshape(len(seen), -1).astype(np.float64)
    element = start.type.element
    levels = np.arange(element.lo, element.hi + 1)
    points = start.values_at(np.repeat(levels[:, None], start.channels, axis=1))[:, 0]
    order = np.argsort(points, kind="stable")
    middles = (points[order][1:].astype(np.float64) + points[order][:-1]) / 2
    stored = levels[order][np.searchsorted(middles, flat, side="right")]
    placed = np.empty_like(stored)
    placed[:, start.index.reshape(-1)] = stored
    return placed.reshape(len(seen), *start.type.shape)
