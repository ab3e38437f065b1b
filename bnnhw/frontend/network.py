"""layers.yaml and weights.npz to a Graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.config import AffineItem, ArgMaxItem, DenseItem, NetConfig, WeightFile, read_config
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.errors import ConfigError
from bnnhw.frontend.fold import (
    GIVEN,
    Certificate,
    batch_norm,
    certify,
    fold_table,
    given_certificate,
)
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.ir.layers import Affine, ArgMax, Binarize, Dense, Layer, product_sum
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["Network", "load_network", "network_file"]


@dataclass(frozen=True)
class Network:
    """A Graph, what the user fixed for its plan, and the certificate of every fold.

    ``scores`` is the importer's word on the tail (``ScoreFold.to_json``), where there is one.
    """

    graph: Graph
    hints: Hints
    certificates: tuple[Certificate, ...]
    scores: dict[str, Any] | None = None


def network_file(path: Path) -> Path:
    """Return the layers.yaml of a network, given as that file or as a folder with a net.yaml."""
    if path.is_dir():
        path = path / "net.yaml"
    if not path.is_file():
        raise ConfigError("does not exist", where=str(path),
                          hint="a network is a folder with a net.yaml, or a .yaml file")
    return path


def load_network(path: Path) -> Network:
    """Load a network from its folder or layers.yaml.

    Raises
    ------
    ConfigError
        A file is missing or wrong.
    ModelError
        A layer has no exact integer meaning.
    """
    path = network_file(path)
    config = read_config(path)
    names = config.names()
    arrays = None if config.weights == "random" else WeightFile(path.parent, config.weights)
    source = arrays or _Random(config.seed)
    layers: list[Layer] = []
    outputs: dict[str, str] = {}
    certificates: list[Certificate] = []
    input_type = _input_type(config)
    front = _front(config, input_type)
    if front:
        layers.append(front)
    for item, name in zip(config.layers, names, strict=True):
        previous, type_ = ("input", input_type) if not layers else (
            layers[-1].name, layers[-1].out_type())
        if isinstance(item, DenseItem):
            if item.dense * type_.size > MAX_ELEMENTS:
                raise ConfigError(f"{item.dense} x {type_.size} weights, at most {MAX_ELEMENTS} "
                                  "are taken", where=f"layer '{name}'")
            layer, certificate = _dense(item, name, previous, type_, source)
            layers.append(layer)
            certificates.extend([certificate] if certificate else [])
        elif isinstance(item, AffineItem):
            layers.append(Affine(name, previous, type_,
                                 source.integers(f"{name}.scale", type_.shape),
                                 source.integers(f"{name}.offset", type_.shape)))
        else:
            layers.append(ArgMax(name, previous, type_))
        if isinstance(item, (DenseItem, AffineItem)) and item.output:
            outputs[item.output] = name  # an affine layer takes the name over
    if layers[-1].name not in outputs.values():
        is_label = isinstance(config.layers[-1], ArgMaxItem)
        outputs["label" if is_label else "bits"] = layers[-1].name
    graph = Graph(config.name, input_type, tuple(layers), tuple(outputs.items()))
    if arrays:
        arrays.refuse_unread()
    # Where nothing was folded here, an importer may have left what it evaluated.
    stored, scores = _stored_certificates(path.with_name("certificate.json"), graph)
    if not stored or any(c.method != GIVEN for c in certificates):
        stored, scores = tuple(certificates), None
    return Network(graph, _hints(config, names), stored, scores)


def _stored_certificates(path: Path, graph: Graph,
                         ) -> tuple[tuple[Certificate, ...], dict[str, Any] | None]:
    """What an importer left beside the network, if it is about this very network."""
    nothing: tuple[tuple[Certificate, ...], None] = ((), None)
    try:
        if not path.is_file() or path.stat().st_size > 1 << 20:
            return nothing
        data = json.loads(path.read_bytes())
        if data["network_sha256"] != graph.digest():
            return nothing
        scores = data["scores"]
        if scores is not None:
            scores = {"fraction_bits": int(scores["fraction_bits"]), "ties": int(scores["ties"]),
                      "exact_sums": bool(scores["exact_sums"])}
        return tuple(Certificate(**item) for item in data["layers"]), scores
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return nothing


def _input_type(config: NetConfig) -> TensorType:
    size = config.input.size
    if config.input.type == "uint8":
        return TensorType((size,), Int(0, 255))
    return TensorType((size,), Bits(unipolar=config.input.unipolar))


def _front(config: NetConfig, type_: TensorType) -> Binarize | None:
    if config.input.threshold is None:
        return None
    return Binarize("pixels", "input", type_, config.input.threshold, config.input.unipolar)


def _hints(config: NetConfig, names: list[str]) -> Hints:
    hints = {}
    for item, name in zip(config.layers, names, strict=True):
        if isinstance(item, DenseItem):
            fold = item.fold
            hints[name] = LayerHint(fold.pe if fold else None, fold.simd if fold else None,
                                    item.memory)
    return hints


def _dense(item: DenseItem, name: str, source: str, type_: TensorType,
           arrays: WeightFile | _Random) -> tuple[Dense, Certificate | None]:
    if not isinstance(type_.element, Bits) or len(type_.shape) != 1:
        raise ConfigError(f"a dense layer reads bits, but '{source}' gives {type_}",
                          where=f"layer '{name}'", hint="remove 'output: scores' before it")
    rows, columns = item.dense, type_.size
    weights = arrays.bits(f"{name}.weights", (rows, columns))
    zeros = np.zeros(rows, dtype=np.int64)
    unipolar = type_.element.unipolar
    if item.output:
        bias = arrays.integers(f"{name}.bias", (rows,)) if f"{name}.bias" in arrays else zeros
        coefficients, const = product_sum(weights, type_.element)
        return Dense(name, source, type_, weights[None], coefficients, const + bias, None), None
    if f"{name}.thresholds" in arrays:
        if item.batch_norm or item.sign != ">=":
            key = "batch_norm" if item.batch_norm else "sign"
            raise ConfigError(f"has '{name}.thresholds' and '{key}'",
                              where=f"layer '{name}'", hint="keep one of them")
        thresholds = arrays.integers(f"{name}.thresholds", (rows,))
        certificate = given_certificate(name, thresholds, columns)
    else:
        weights, thresholds, certificate = _fold(item, name, weights, unipolar, arrays)
    return Dense(name, source, type_, weights[None], (1,), zeros, thresholds[:, None],
                 item.unipolar), certificate


def _fold(item: DenseItem, name: str, weights: np.ndarray, unipolar: bool,
          arrays: WeightFile | _Random) -> tuple[np.ndarray, np.ndarray, Certificate]:
    """Evaluate batch-norm (or the plain sign) at every sum that a row can reach."""
    rows, columns = weights.shape
    shape = (rows,)
    bias = arrays.array(f"{name}.bias", shape) if f"{name}.bias" in arrays else None
    strict = item.sign == ">"
    if item.batch_norm:
        gamma, beta, mean, var = (arrays.array(f"{name}.{key}", shape)
                                  for key in ("gamma", "beta", "mean", "var"))
        if (var < 0).any():
            raise ConfigError(f"'{name}.var' holds negative variances", where=f"layer '{name}'")
        if (var + item.batch_norm.eps <= 0).any():
            raise ConfigError(f"'{name}.var' holds 0 and eps is 0: the norm divides by zero",
                              where=f"layer '{name}'")
        evaluate = batch_norm(gamma, beta, mean, var, item.batch_norm.eps, strict, bias)
    else:
        one, zero = np.ones(rows), np.zeros(rows)
        evaluate = batch_norm(one, zero, zero, one, 0.0, strict, bias)
    (coefficient,), const = product_sum(weights, Bits(unipolar))
    sums = coefficient * np.arange(columns + 1, dtype=np.int64)[:, None] + const
    values, bits = evaluate(sums, np.float32)
    fold = fold_table(bits, name)
    exact = fold_table(evaluate(sums, np.float64)[1], name)
    method = "batch-norm and sign" if item.batch_norm else "sign"
    certificate = certify(name, f"{method}, float32, at all sums", fold, columns + 1,
                          int((values == 0).sum()), fold.differs(exact))
    return fold.apply(weights), fold.thresholds, certificate


class _Random:
    """Weights for a look at sizes before training: the same arrays for the same seed."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def __contains__(self, key: str) -> bool:
        return False

    def array(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        if key.endswith(".var"):
            return np.ones(shape)
        return self._generator.standard_normal(shape)

    def bits(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(0, 2, shape, dtype=np.uint8)

    def integers(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(1, 16, shape)
