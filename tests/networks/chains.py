"""Chains of dense layers for tests: any sizes, signs and thresholds that the Graph allows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.layers import Affine, ArgMax, Binarize, Dense, Layer
from tests.networks.choices import Choices, SeededChoices

__all__ = ["make_chain", "make_samples", "random_graph", "random_samples"]


def random_graph(sizes: Sequence[int], *, seed: int = 0, pixels: bool = False,
                 unipolar: bool = False, tail: str = "both", affine: bool = False,
                 name: str = "net") -> Graph:
    """Make the chain of a seed (see ``make_chain``)."""
    return make_chain(SeededChoices(seed), sizes, pixels=pixels, unipolar=unipolar, tail=tail,
                      affine=affine, name=name)


def make_chain(choices: Choices, sizes: Sequence[int], *, pixels: bool = False,
               unipolar: bool = False, tail: str = "both", affine: bool = False,
               name: str = "net") -> Graph:
    """Make a chain of dense layers.

    Thresholds lie around the middle of the sums; some rows never change.

    Parameters
    ----------
    choices : Choices
        Weights, thresholds and scales.
    sizes : sequence of int
        Inputs of the first layer, then the outputs of every layer.
    pixels : bool
        The input has integers of 0..255, which are binarised.
    unipolar : bool
        Bits mean 0/1 instead of -1/+1.
    tail : str
        The outputs: ``bits``, ``scores``, ``label``, or ``both`` for scores and label.
    affine : bool
        Scores are scaled.
    name : str
    """
    layers: list[Layer] = []
    bits = Bits(unipolar=unipolar)
    type_ = TensorType((sizes[0],), Int(0, 255) if pixels else bits)
    input_type, source = type_, "input"
    if pixels:
        layers.append(Binarize("pixels", source, type_, choices.integer(0, 256), unipolar))
        source, type_ = "pixels", layers[-1].out_type()
    for k, (columns, rows) in enumerate(itertools.pairwise(sizes)):
        weights = choices.bits((1, rows, columns))
        raw = k == len(sizes) - 2 and tail != "bits"
        if raw:
            ones = weights[0].sum(axis=1, dtype=np.int64)
            layer = Dense(f"fc{k}", source, type_, weights, (1,) if unipolar else (2,),
                          (ones - columns) if unipolar else np.full(rows, -columns, np.int64),
                          None)
        else:
            thresholds = choices.integers(columns // 2 - 1, columns // 2 + 2, (rows, 1))
            extreme = choices.chances(0.1, (rows, 1))
            thresholds = np.where(extreme, choices.pick([-3, 0, columns + 1, columns + 9],
                                                        (rows, 1)), thresholds)
            layer = Dense(f"fc{k}", source, type_, weights, (1,), np.zeros(rows, np.int64),
                          thresholds, unipolar)
        layers.append(layer)
        source, type_ = layer.name, layer.out_type()
    outputs = [("bits" if tail == "bits" else "scores", source)]
    if affine and tail != "bits":
        layers.append(Affine("tail", source, type_, choices.integers(-9, 9, sizes[-1]),
                             choices.integers(-99, 99, sizes[-1])))
        source, type_ = "tail", layers[-1].out_type()
        outputs = [("scores", source)]
    if tail in ("label", "both"):
        layers.append(ArgMax("label", source, type_))
        outputs = ([] if tail == "label" else outputs) + [("label", "label")]
    return Graph(name, input_type, tuple(layers), tuple(outputs))


def random_samples(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Make the samples of a seed (see ``make_samples``)."""
    return make_samples(SeededChoices(seed), graph, count)


def make_samples(choices: Choices, graph: Graph, count: int) -> np.ndarray:
    """Make samples over the entire input range, including its limits."""
    element = graph.input.element
    x = choices.integers(element.lo, element.hi, (count, *graph.input.shape))
    x[0] = element.lo
    if count > 1:
        x[1] = element.hi
    return x
