"""Imports trained FINN networks: an .npz of matrices, thresholds and a ``topology`` (JSON).

The format: ``w{l}`` uint8 0/1 ``[out, in]`` with columns ``(ky, kx, c)``, c fastest; ``t{l}``
integers with **bit = acc > t**. A layer with ``bipolar_in`` false and ``acc`` of ``xnor_popcount``
accumulates popcounts of -1/+1 bits; the first one may take signed 8-bit pixels instead. A
``pool_after`` of n is an n x n max-pool after the threshold.

If the last layer has no thresholds, its popcounts are the scores, and the label is the index of the
largest. If it has thresholds, as in BNN-PYNQ's LFC and SFC, its outputs are bits, and the label is
computed as on the authors' host (``log2`` of the output word): the highest index whose bit is set,
0 for none.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from bnnhw.config.weight_file import WeightFile
from bnnhw.errors import ConfigError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.registry import register
from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.types import MAX_ELEMENTS
from bnnhw.layers import Affine, ArgMax, Conv, Dense, Flatten, Layer, MaxPool, product_sum

__all__ = ["FinnImporter", "import_finn_npz"]

MAX_TOPOLOGY = 1 << 20


def import_finn_npz(path: Path, name: str, argmax: bool) -> Network:
    """Import a network of this format.

    Raises
    ------
    ConfigError
        The file does not have this format, or sizes in it are inconsistent.
    """
    if not path.is_file():
        raise ConfigError("does not exist", where=str(path))
    topology = _topology(path)
    arrays = WeightFile(path.parent, path.name)
    bits_out = f"t{len(topology) - 1}" in arrays
    first = topology[0]
    type_ = _input_type(first)
    layers: list[Layer] = []
    certificates: list[Certificate] = []
    source = "input"

    def add(layer: Layer) -> None:
        nonlocal source, type_
        layers.append(layer)
        source, type_ = layer.name, layer.out_type()

    for k, item in enumerate(topology):
        if item["kind"] == "fc" and len(type_.shape) != 1:
            add(Flatten(f"flatten{k}", source, type_))
        raw = k == len(topology) - 1 and not bits_out
        _check(k, item, k == len(topology) - 1)
        layer, certificate = _product(k, item, raw, source, type_, arrays)
        add(layer)
        certificates += [certificate] if certificate else []
        if item.get("pool_after"):
            pool = _size(item, "pool_after", k)
            add(MaxPool(f"pool{k}", source, type_, Window((pool, pool), (pool, pool))))
    arrays.check_all_read("topology")
    outputs = [("bits" if bits_out else "scores", source)]
    if argmax:
        if bits_out:  # 1 to K where a bit is set: the largest is the highest index
            add(Affine("highest", source, type_, np.arange(1, type_.channels + 1),
                       np.zeros(type_.channels, np.int64)))
        add(ArgMax("label", source, type_))
        outputs.append(("label", "label"))
    return Network(Graph(name, layers[0].input, tuple(layers), tuple(outputs)), {},
                   tuple(certificates))


def _topology(path: Path) -> list[dict[str, object]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("topology.npy").file_size > MAX_TOPOLOGY:
                raise ConfigError(f"its topology has more than {MAX_TOPOLOGY} bytes",
                                  where=path.name)
        with np.load(path, allow_pickle=False) as arrays:
            data = json.loads(str(arrays["topology"]))
        items = data["layers"]
        compare = data.get("compare", "acc > t")
        if not isinstance(items, list) or not items or \
                not all(isinstance(i, dict) and i.get("kind") in ("conv", "fc") for i in items):
            raise ValueError("layers")
    except ConfigError:
        raise
    except Exception as error:  # a broken file can raise any exception
        raise ConfigError(f"has no topology of conv and fc layers ({type(error).__name__})",
                          where=path.name, hint="an .npz for import contains 'topology', a JSON "
                          "text, and w0, t0, w1, ...") from None
    if compare != "acc > t":
        raise ConfigError(f"'compare' is {compare!r}, expected 'acc > t'", where=path.name,
                          hint="store thresholds for which a bit is acc > t")
    return items


def _check(k: int, item: dict[str, object], last: bool) -> None:
    """Reject a layer that computes something else than this importer assumes."""
    acc = str(item.get("acc", "xnor_popcount"))
    wide = (1, 16) if last else (1,)  # 16-bit outputs are the popcounts themselves
    for key, legal in (("act_bias", (0,)), ("bipolar_in", (False,)), ("wbits", (1,)),
                       ("abits", wide)):
        if item.get(key, legal[0]) not in legal:
            raise ConfigError(f"'{key}' is {item[key]!r}, expected {legal[0]}",
                              where=f"topology.layers.{k}",
                              hint="only networks of one bit with popcounts are supported")
    if acc != "xnor_popcount" and not (k == 0 and "x8" in acc):
        raise ConfigError(f"'acc' is {acc!r}, expected 'xnor_popcount'" +
                          (" or a sum of x8" if k == 0 else ""), where=f"topology.layers.{k}")


def _size(item: dict[str, object], key: str, k: int) -> int:
    value = item.get(key)
    if not isinstance(value, int) or not 1 <= value <= 1 << 20:
        raise ConfigError(f"'{key}' is {value!r}, expected a positive number",
                          where=f"topology.layers.{k}")
    return value


def _input_type(first: dict[str, object]) -> TensorType:
    pixels = "x8" in str(first.get("acc", ""))
    element = Int(-128, 127) if pixels else Bits()
    if first["kind"] == "fc":
        return TensorType((_size(first, "mw", 0),), element)
    side, channels = _size(first, "ifm_dim", 0), _size(first, "ifm_ch", 0)
    if side * side * channels > MAX_ELEMENTS:
        raise ConfigError(f"the input is {side} x {side} x {channels}, expected at most "
                          f"{MAX_ELEMENTS} elements", where="topology.layers.0")
    return TensorType((side, side, channels), element)


def _product(k: int, item: dict[str, object], raw: bool, source: str, type_: TensorType,
             arrays: WeightFile) -> tuple[Layer, Certificate | None]:
    rows, columns = _size(item, "mh", k), _size(item, "mw", k)
    if rows * columns > MAX_ELEMENTS:
        raise ConfigError(f"has {rows} x {columns} weights, expected at most {MAX_ELEMENTS}",
                          where=f"topology.layers.{k}")
    w = arrays.bits(f"w{k}", (rows, columns))
    coefficients: tuple[int, ...] = (1,)
    const = np.zeros(rows, np.int64)
    if isinstance(type_.element, Int):
        coefficients, const = product_sum(w, type_.element)
    thresholds: np.ndarray | None = None
    certificate = None
    if not raw:
        thresholds = arrays.integers(f"t{k}", (rows,)) + 1  # acc > t
        top = const + sum(coefficients) * columns
        constant = int(((thresholds <= const) | (thresholds > top)).sum())
        certificate = Certificate(f"{item['kind']}{k}", GIVEN, rows,
                                  int((top - const).max()) + 1, constant=constant)
        thresholds = thresholds[:, None]
    if item["kind"] == "fc":
        return Dense(f"fc{k}", source, type_, w[None], coefficients, const, thresholds), certificate
    kernel = _size(item, "k", k)
    window = Window((kernel, kernel))
    return Conv(f"conv{k}", source, type_, w[None], coefficients, const, thresholds,
                window=window), certificate


class FinnImporter:
    """Reads FINN's networks; the file itself answers all options but ``name`` and ``argmax``."""

    name = "finn_npz"
    title = "an .npz of arrays"
    suffixes = (".npz",)
    native = False

    def accepts(self, path: Path) -> bool:
        return path.suffix in self.suffixes

    def load(self, path: Path, options: ImportOptions) -> Network:
        return import_finn_npz(path, options.name_for(path), options.argmax)


register(FinnImporter())
