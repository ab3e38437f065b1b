"""Random networks for tests: any sizes, signs and thresholds that the Graph allows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.layers import Affine, ArgMax, Binarize, Dense, Layer

__all__ = ["random_graph", "random_samples"]


def random_graph(sizes: Sequence[int], *, seed: int = 0, pixels: bool = False,
                 unipolar: bool = False, tail: str = "both", affine: bool = False,
                 name: str = "net") -> Graph:
    """Make a chain of dense layers.

    ``tail`` is what comes out: ``bits``, ``scores``, ``label`` or ``both``. Thresholds lie around
    the middle, with some rows that never or always fire.
    """
    random = np.random.default_rng(seed)
    layers: list[Layer] = []
    bits = Bits(unipolar=unipolar)
    type_ = TensorType((sizes[0],), Int(0, 255) if pixels else bits)
    input_type, source = type_, "input"
    if pixels:
        layers.append(Binarize("pixels", source, type_, int(random.integers(0, 257)), unipolar))
        source, type_ = "pixels", layers[-1].out_type()
    for k, (columns, rows) in enumerate(itertools.pairwise(sizes)):
        weights = random.integers(0, 2, (1, rows, columns), dtype=np.uint8)
        raw = k == len(sizes) - 2 and tail != "bits"
        if raw:
            ones = weights[0].sum(axis=1, dtype=np.int64)
            layer = Dense(f"fc{k}", source, type_, weights, (1,) if unipolar else (2,),
                          (ones - columns) if unipolar else np.full(rows, -columns, np.int64),
                          None)
        else:
            thresholds = random.integers(columns // 2 - 1, columns // 2 + 3, (rows, 1))
            extreme = random.random((rows, 1)) < 0.1
            thresholds = np.where(extreme, random.choice([-3, 0, columns + 1, columns + 9],
                                                         (rows, 1)), thresholds)
            layer = Dense(f"fc{k}", source, type_, weights, (1,), np.zeros(rows, np.int64),
                          thresholds, unipolar)
        layers.append(layer)
        source, type_ = layer.name, layer.out_type()
    outputs = [("bits" if tail == "bits" else "scores", source)]
    if affine and tail != "bits":
        layers.append(Affine("tail", source, type_, random.integers(-9, 10, sizes[-1]),
                             random.integers(-99, 100, sizes[-1])))
        source, type_ = "tail", layers[-1].out_type()
        outputs = [("scores", source)]
    if tail in ("label", "both"):
        layers.append(ArgMax("label", source, type_))
        outputs = ([] if tail == "label" else outputs) + [("label", "label")]
    return Graph(name, input_type, tuple(layers), tuple(outputs))


def random_samples(graph: Graph, count: int, seed: int = 0) -> np.ndarray:
    """Samples over the whole input range, the extremes among them."""
    random = np.random.default_rng(seed)
    element = graph.input.element
    x = random.integers(element.lo, element.hi + 1, (count, *graph.input.shape))
    x[0] = element.lo
    if count > 1:
        x[1] = element.hi
    return x
