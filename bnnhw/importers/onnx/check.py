"""Compares every import with an independent execution of its model, tensor by tensor.

On random samples, an executor that shares no code with the importer computes the tensors of the
model (for ONNX: onnxruntime, and the package qonnx for QONNX's operators). The importer knows for
each tensor which layer stores it, and which float each stored integer stands for; the golden model
computes those integers. Both have to agree, so that a misread quantiser, weight, layout or constant
is reported with the name of its tensor.

Two executions in float32 may differ by rounding. Where a value is so close to a decision point of
a quantiser that rounding decides, both results are correct: that is a tie. Ties are counted, and
the remaining tensors of such a sample are not compared. An approximation of the import (see
``Network.notes``) counts as rounding within its bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

import numpy as np

from bnnhw import golden
from bnnhw.errors import ModelError
from bnnhw.importers.base import Check
from bnnhw.importers.check_result import CheckResult
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.model_outputs import ModelOutput
from bnnhw.importers.onnx.random_samples import random_samples
from bnnhw.importers.onnx.tolerance import (
    ROUNDING,
    beyond_rounding,
    is_exact,
    moved_values,
    tensor_values,
)
from bnnhw.importers.onnx.translation import Translation
from bnnhw.ir import Graph
from bnnhw.layers import Product

__all__ = ["Executor", "TensorComparison", "affordable_samples", "check_import", "model_inputs"]

MAX_PRODUCTS = 2_000_000_000
"""Products of all samples together that a check computes by default; they take seconds."""

MIN_SAMPLES, MAX_SAMPLES = 16, 300
"""Default number of samples, depending on the cost of one."""

MAX_ELEMENTS_IN_MEMORY = 1 << 24
"""Elements of activations that are in memory at a time."""

DEFECT = "this is a defect of bnnhw: please report it with the model"


class Executor(Protocol):
    """Executes a model independently of the importer.

    Attributes
    ----------
    versions : str
        Packages and versions that execute it.
    tensors : collection of str or None
        Tensors that ``run`` can return; None for all of them.
    """

    @property
    def versions(self) -> str: ...

    @property
    def tensors(self) -> Collection[str] | None: ...

    def run(self, x: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
        """Run one sample, in the shape of the model's input, and return some of the tensors."""
        ...


def check_import(execution: Executor, translation: Translation, start: Chain, graph: Graph,
                 check: Check) -> CheckResult:
    """Compare an import with an independent execution of its model.

    Parameters
    ----------
    execution : Executor
    translation : Translation
        Of all nodes and outputs.
    start : Chain
        The input of the model.
    graph : Graph
        The result of the import.
    check : Check

    Raises
    ------
    ModelError
        Names the first tensor that differs.
    """
    comparison = TensorComparison(translation, graph, execution.tensors)
    count = check.samples or affordable_samples(graph)
    x = random_samples(graph.input, count, check.seed)
    ties = 0
    for part in comparison.parts(x):
        found = [execution.run(one, comparison.wanted) for one in model_inputs(start, part)]
        ties += comparison.compare(part, {
            name: np.stack([run[name] for run in found]) for name in comparison.wanted})
    return CheckResult(execution.versions, len(x), comparison.chain_count,
                       len(translation.outputs), ties, check.seed)


def model_inputs(start: Chain, x: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what the model sees for each of some samples.

    Parameters
    ----------
    start : Chain
        The input of the model.
    x : int64 [n, *start.type.shape]
        Samples as the network stores them.

    Yields
    ------
    array [1, ...]
        One sample in the shape of the model's input.
    """
    seen = start.values_at(x.reshape(-1, start.channels)).reshape(len(x), -1)
    for one in seen[:, start.index.reshape(-1)]:
        yield one.reshape(start.shape)


def affordable_samples(graph: Graph) -> int:
    """Number of samples that a check computes by default."""
    products = sum(layer.vector_count * layer.outputs * layer.fan_in
                   for layer in graph.layers if isinstance(layer, Product))
    return int(np.clip(MAX_PRODUCTS // max(1, products), MIN_SAMPLES, MAX_SAMPLES))


class TensorComparison:
    """Compares the tensors that the importer translated with those of an execution.

    Parameters
    ----------
    translation : Translation
    graph : Graph
        The result of the import.
    tensors : collection of str or None
        Tensors that the execution gives; None for all. Outputs of the model are always compared.
    """

    def __init__(self, translation: Translation, graph: Graph,
                 tensors: Collection[str] | None) -> None:
        self._translation = translation
        self._chains = [(name, chain) for name, chain in translation.chains
                        if tensors is None or name in tensors]
        self._outputs, self._graph = translation.outputs, graph
        self._raw = Graph(graph.name, graph.input, tuple(translation.layers.layers),
                          tuple(pair for end in translation.outputs for pair in end.outputs))
        # Weights of several bits are multiplied faster than their planes are counted.
        self._level = "fast" if all(layer.one_bit for layer in graph.layers
                                    if isinstance(layer, Product)) else "reference"
        self.wanted = list(dict.fromkeys(
            [name for name, _ in self._chains]
            + [name for end in translation.outputs for name in (end.tensor, end.scores)]))
        self._elements = sum(chain.index.size for _, chain in self._chains) + sum(
            layer.out_type().size for layer in self._raw.layers)

    @property
    def chain_count(self) -> int:
        """Number of tensors that are compared in each sample."""
        return len(self._chains)

    def parts(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """Cut the samples into parts whose activations fit into memory."""
        count = max(1, MAX_ELEMENTS_IN_MEMORY // max(1, self._elements))
        for first in range(0, len(x), count):
            yield x[first:first + count]

    def compare(self, x: np.ndarray, found: dict[str, np.ndarray]) -> int:
        """Compare all tensors and outputs of some samples; return how many ended in a tie."""
        if not len(x):
            return 0
        layers = golden.run_all(self._raw, x, self._level)
        alive = np.ones(len(x), dtype=np.bool_)
        for name, chain in self._chains:
            alive &= ~_tied(name, chain, layers[chain.source], found[name], alive)
        final = golden.run(self._graph, x, self._level)
        for end in self._outputs:
            for output, source in end.outputs:
                if not np.array_equal(final[output], layers[source]):
                    raise ModelError(f"the output '{output}' of the imported network differs from "
                                     "its layers before simplification",
                                     where=f"tensor '{end.tensor}'", hint=DEFECT)
            if end.scores not in found:  # only the label is known
                found = {**found, end.scores: tensor_values(end.chain, layers[end.chain.source])}
            alive &= ~_misordered(end, layers, found, alive)
        return int((~alive).sum())

    def sensitive(self, x: np.ndarray, inexact: bool) -> np.ndarray:
        """Mark the samples in which float rounding can decide a quantised value.

        Parameters
        ----------
        x : int64 [n, *shape]
        inexact : bool
            The execution also rounds values that float32 represents exactly.

        Returns
        -------
        bool [n]
        """
        layers = golden.run_all(self._raw, x, self._level)
        found = np.zeros(len(x), dtype=np.bool_)
        for _, chain in self._translation.chains:
            if chain.quantised:
                stored = layers[chain.source].reshape(-1, chain.channels)
                if inexact or not is_exact(chain, stored):
                    plain = chain.values_at(stored)
                    moved = [(m != plain).reshape(len(x), -1).any(axis=1)
                             for m in moved_values(chain, stored)]
                    found |= np.any(moved, axis=0)
        return found


def _tied(name: str, chain: Chain, stored: np.ndarray, found: np.ndarray,
          alive: np.ndarray) -> np.ndarray:
    """Compare one tensor; return which samples end in a tie there."""
    n = len(stored)
    integers = stored.reshape(-1, chain.channels)
    value = tensor_values(chain, stored)
    expected = found.reshape(n, -1).astype(np.float64)
    if expected.shape != value.shape:
        raise ModelError(f"has {expected.shape[1]} elements where the import has {value.shape[1]}",
                         where=f"tensor '{name}'", hint=DEFECT)
    slack = ROUNDING * np.abs(value).max(initial=0.0) + 1e-30
    differs = ~(np.abs(expected - value) <= slack)
    suspects = np.flatnonzero((differs.any(axis=1)) & alive)
    if not len(suspects):
        return np.zeros(n, dtype=np.bool_)
    rows = integers.reshape(n, -1, chain.channels)[suspects].reshape(-1, chain.channels)
    wrong = beyond_rounding(chain, rows, value[suspects], expected[suspects])
    if wrong.any():
        first = int(np.argmax(wrong.any(axis=1)))
        raise _difference(name, chain, int(suspects[first]), wrong[first],
                          (value[suspects[first]], expected[suspects[first]]))
    tied = np.zeros(n, dtype=np.bool_)
    tied[suspects] = chain.quantised
    return tied


def _difference(name: str, chain: Chain, sample: int, wrong: np.ndarray,
                both: tuple[np.ndarray, np.ndarray]) -> ModelError:
    element = int(np.argmax(wrong))
    position = [int(k) for k in np.unravel_index(element, chain.shape)]
    here, there = (float(values[element]) for values in both)
    return ModelError(
        f"the import differs from an independent execution of the model: element {position} of "
        f"sample {sample} is {here:.7g} here and {there:.7g} there; {int(wrong.sum())} of "
        f"{len(wrong)} elements differ", where=f"tensor '{name}', from {chain.last_label}",
        hint=DEFECT)


def _misordered(end: ModelOutput, layers: dict[str, np.ndarray], found: dict[str, np.ndarray],
                alive: np.ndarray) -> np.ndarray:
    """Compare the order of scores, and a label; return where the largest score is a tie."""
    if end.scores_layer is None:
        return np.zeros(len(alive), dtype=np.bool_)
    channels = end.chain.channels
    integers = layers[end.scores_layer].reshape(len(alive), -1, channels)
    floats = np.empty((len(alive), end.chain.index.size))
    floats[:, end.chain.index.reshape(-1)] = found[end.scores].reshape(len(alive), -1)
    floats = floats.reshape(integers.shape)
    noise = 4 * ROUNDING * np.abs(floats).max(initial=0.0) + (
        0.0 if end.chain.error is None else 2 * float(end.chain.error.max()))
    for k in range(channels):
        above = floats - floats[..., k:k + 1]
        unordered = integers <= integers[..., k:k + 1]
        wrong = ((above > noise) & unordered).any(axis=(1, 2)) & alive
        if wrong.any():
            sample = int(np.argmax(wrong))
            pixel = int(np.argmax(((above > noise) & unordered)[sample].any(axis=1)))
            raise ModelError(
                f"the scores of sample {sample} have another order than in an independent "
                f"execution of the model: {integers[sample, pixel].tolist()} for "
                f"{[float(f'{v:.7g}') for v in floats[sample, pixel]]}",
                where=f"tensor '{end.tensor}'", hint=DEFECT)
    tied = (floats.argmax(axis=2) != integers.argmax(axis=2)).any(axis=1)
    if end.label:
        given = found[end.tensor].reshape(len(alive))
        wrong = (given != integers[:, 0].argmax(axis=1)) & alive & ~tied
        if wrong.any():
            raise ModelError(
                f"the label of sample {int(np.argmax(wrong))} differs from an independent "
                f"execution of the model, whose label is {int(given[np.argmax(wrong)])}",
                where=f"tensor '{end.tensor}'", hint=DEFECT)
    return tied
