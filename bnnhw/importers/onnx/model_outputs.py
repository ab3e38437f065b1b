"""Adds the outputs of a model: bits, or integers in the order of the model's scores and a label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import as_map, in_order, is_map
from bnnhw.importers.onnx.levels import MAX_LEVELS, distinct_values
from bnnhw.importers.onnx.stored_integers import as_integers, as_stored
from bnnhw.importers.onnx.tail import Tail
from bnnhw.importers.scores import IntegerScores, integer_scores, linear_scores
from bnnhw.ir import Bits
from bnnhw.layers import Affine, ArgMax, Product

__all__ = ["ModelOutput", "add_output"]

ROUNDING = 2.0 ** -21
"""Possible error of inexact float32 sums, relative to the largest score."""

LINEAR_FROM = 1 << 17
"""Number of attainable scores from which scores that are only scaled and shifted are not
enumerated."""

MAX_SCORES = 1 << 24
"""Maximum number of attainable scores of all classes whose order is compared."""


@dataclass(frozen=True)
class ModelOutput:
    """An output of the model, and the outputs of the network that represent it.

    Attributes
    ----------
    tensor : str
        Name of the model's output.
    scores : str
        Name of the model's tensor whose order the integer scores keep: the output itself, or the
        tensor that the tail of a classifier reads.
    chain : Chain
        That tensor, as a layer stores it.
    outputs : tuple of (str, str)
        Outputs of the network and the layers that compute them.
    scores_layer : str or None
        The layer that computes the scores; None where the output is bits.
    label : bool
        Whether the model's output is the index of the largest score.
    """

    tensor: str
    scores: str
    chain: Chain
    outputs: tuple[tuple[str, str], ...]
    scores_layer: str | None
    label: bool = False


def add_output(layers: LayerList, value: Chain | Tail, output: str, name: str | None,
               argmax: bool) -> ModelOutput:
    """Add the layers and outputs for an output of the model.

    Parameters
    ----------
    layers : LayerList
    value : Chain or Tail
        The tensor; a tail stands for the scores before it, and for the label if it is one.
    output : str
        Name in the model.
    name : str or None
        Name in the network; None for ``bits``, or ``scores`` and ``label``.
    argmax : bool
        Add the label after a vector of scores.
    """
    where = f"output '{output}'"
    tail = value if isinstance(value, Tail) else None
    chain = value.chain if isinstance(value, Tail) else value
    if chain.quantised and _few(chain):
        chain = as_stored(layers, chain, where)
    chain = _shaped(layers, chain, where)
    if not _has_product(layers, chain.source):
        raise ModelError("does not depend on the input through quantised weights", where=where)
    if tail is None and isinstance(chain.type.element, Bits) and not chain.nodes and \
            (chain.slope > 0).all():
        return ModelOutput(output, output, chain, ((name or "bits", chain.source),), None)
    fold = _fold(chain)
    layers.scores.append(fold)
    integers = as_integers(layers, chain)
    source, type_ = integers.source, integers.type
    if not fold.identity:
        layer = Affine(layers.name(f"{source}_affine", "affine"), source, type_, fold.scale,
                       fold.offset)
        source, type_ = layer.name, layers.add(layer)
    outputs = [(name or "scores", source)]
    label = tail is not None and tail.label
    if (argmax or label) and len(type_.shape) == 1:
        label_name = "label" if name is None else f"{name}_label"
        layers.add(ArgMax(label_name, source, type_))
        outputs.append((label_name, label_name))
    scores = output if tail is None else str(tail.node.input[0])
    return ModelOutput(output, scores, chain, tuple(outputs), source, label)


def _few(chain: Chain) -> bool:
    values, _ = distinct_values(chain.single() if chain.uniform else chain)
    return len(np.unique(np.concatenate(values))) <= MAX_LEVELS


def _shaped(layers: LayerList, chain: Chain, label: str) -> Chain:
    """Convert to a vector if only one axis is longer than one, else to a map."""
    if sum(n > 1 for n in chain.shape) <= 1:
        return in_order(layers, replace(chain, index=chain.index.reshape(1, -1)), label)
    return as_map(layers, chain, label, 1 if is_map(chain, 1) else -1)


def _has_product(layers: LayerList, name: str) -> bool:
    needed = {name}
    for layer in reversed(layers.layers):
        if layer.name in needed:
            if isinstance(layer, Product):
                return True
            needed.update(layer.sources)
    return False


def _fold(chain: Chain) -> IntegerScores:
    slope, base = chain.slope, chain.base
    plain = not chain.nodes and slope[0] > 0 and bool(
        (slope == slope[0]).all() and (base == base[0]).all())
    if plain and chain.exact_points is None:
        one, zero = (np.full(chain.channels, v, dtype=np.int64) for v in (1, 0))
        return IntegerScores(one, zero, -1, 0, chain.slope, chain.base, chain.error is None)
    many = chain.count * chain.channels
    if chain.linear and many > LINEAR_FROM:
        line = as_stored(LayerList(chain.opset), chain, chain.last_label)
        if line.slope.all():
            return _fold_line(line)
    if many > MAX_SCORES:
        raise ModelError(f"has {chain.count} attainable scores for each of {chain.channels} "
                         f"classes, expected at most {MAX_SCORES} in all",
                         where=chain.last_label, hint="train with binary or quantised activations "
                         "before the last layer")
    table = np.concatenate([chain.evaluate(np.float32, part)[0] for part in chain.parts()], axis=1)
    noise = 0.0 if chain.error is None else float(np.abs(table).max()) * ROUNDING
    fold = integer_scores(chain.integers(), table, chain.last_label, noise)
    return replace(fold, exact_sums=chain.error is None)


def _fold_line(chain: Chain) -> IntegerScores:
    """Find integer scores for a chain without nodes that has very many attainable scores."""
    ends = [np.abs(chain.slope * end + chain.base).max() for end in (chain.start, chain.stop)]
    noise = 0.0 if chain.error is None else float(max(ends)) * ROUNDING
    fold = linear_scores(chain.slope, chain.base, chain.start, chain.stop, chain.last_label, noise)
    return replace(fold, exact_sums=chain.error is None)
