"""Imports trained FINN networks: an .npz of matrices, thresholds and a ``topology`` (JSON).

The format: ``w{l}`` ``[out, in]`` with columns ``(ky, kx, c)``, c fastest: uint8 0/1 for ``wbits``
of 1, else signed integers of ``wbits`` bits, such as the ternary ones of BNN-PYNQ's W2A2 networks.
``t{l}`` are integers with **bit = acc > t**; for ``abits`` of 2 and more ``t{l}`` is ``[out, J]``,
and the activation is ``act_bias + #{j : acc > t_j}``, such as -1, 0 and 1 for two thresholds and an
``act_bias`` of -1. A layer of 1-bit weights and -1/+1 bits accumulates popcounts (``acc`` is
``xnor_popcount``); every other one accumulates products of integers (``acc`` begins with ``sum``),
the first one also of signed 8-bit pixels (``x8``). A ``pool_after`` of n is an n x n max-pool after
the thresholds.

If the last layer has no thresholds, its popcounts are the scores, and the label is the index of the
largest. If it has thresholds, as in BNN-PYNQ's LFC and SFC, its outputs are bits, and the label is
computed as on the authors' host (``log2`` of the output word): the highest index whose bit is set,
0 for none.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.config.weight_file import WeightFile
from bnnhw.errors import ConfigError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.registry import register
from bnnhw.ir import Bits, Element, Graph, Int, TensorType, Window
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.types import MAX_ELEMENTS
from bnnhw.layers import Affine, ArgMax, Conv, Dense, Flatten, Layer, MaxPool, Product
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import WeightPlanes, split_values

__all__ = ["FinnImporter", "import_finn_npz"]

MAX_TOPOLOGY = 1 << 20

MAX_BITS = 8
"""Maximum number of bits of weights and activations."""


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
    source, bias = "input", 0

    def add(layer: Layer) -> None:
        nonlocal source, type_
        layers.append(layer)
        source, type_ = layer.name, layer.out_type()

    for k, item in enumerate(topology):
        if item["kind"] == "fc" and len(type_.shape) != 1:
            add(Flatten(f"flatten{k}", source, type_))
        raw = k == len(topology) - 1 and not bits_out
        form = _form(k, item, k == len(topology) - 1, type_.element)
        layer, certificate = _product(k, item, form, bias, raw, source, type_, arrays)
        bias = form.act_bias
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


@dataclass(frozen=True)
class _Form:
    """Number formats of a layer.

    Attributes
    ----------
    weight_bits : int
    bits : int
        Of its activations; 16 for sums without thresholds.
    act_bias : int
        Value of an activation below all thresholds; 0 for bits.
    """

    weight_bits: int
    bits: int
    act_bias: int


def _form(k: int, item: dict[str, object], last: bool, element: Element) -> _Form:
    """Read the number formats of a layer, and reject what this importer does not compute."""
    where = f"topology.layers.{k}"
    weight_bits, bits = (item.get(key, 1) for key in ("wbits", "abits"))
    for key, value, legal in (("wbits", weight_bits, range(1, MAX_BITS + 1)),
                              ("abits", bits, [*range(1, MAX_BITS + 1), *([16] if last else [])]),
                              ("bipolar_in", item.get("bipolar_in", False), (False,))):
        if value not in legal or isinstance(value, bool) != (key == "bipolar_in"):
            expected = "False" if key == "bipolar_in" else f"1 to {MAX_BITS}"
            raise ConfigError(f"'{key}' is {value!r}, expected {expected}", where=where,
                              hint="convert the network to integers of few bits, with sums of "
                              "products of -1 and +1 or of integers")
    assert isinstance(weight_bits, int)
    assert isinstance(bits, int)
    if last and f"{bits}" not in ("1", "16"):
        raise ConfigError(f"'abits' of the last layer is {bits}, expected 1 for bits or 16 for its "
                          "sums as scores", where=where, hint="leave out the thresholds of the "
                          "last layer, so that its sums are the scores")
    bias = item.get("act_bias", 0)
    most = 1 << bits
    if not isinstance(bias, int) or isinstance(bias, bool) or (
            bias != 0 if bits in (1, 16) else not -most <= bias <= most):
        raise ConfigError(f"'act_bias' is {bias!r}, expected 0" + (
            f", or -{most} to {most}" if 1 < bits < 16 else ""), where=where)
    acc = str(item.get("acc", "xnor_popcount"))
    popcount = isinstance(element, Bits) and weight_bits == 1
    if not (acc == "xnor_popcount" if popcount else acc.startswith("sum")):
        raise ConfigError(f"'acc' is {acc!r}, expected "
                          + ("'xnor_popcount'" if popcount else "a sum, such as 'sum(w * a)'")
                          + (" or a sum of x8" if k == 0 and popcount else ""), where=where)
    return _Form(weight_bits, bits, bias)


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


def _product(k: int, item: dict[str, object], form: _Form, bias: int, raw: bool, source: str,
             type_: TensorType, arrays: WeightFile) -> tuple[Layer, Certificate | None]:
    """Make a layer; ``bias`` is the value that the stored activation 0 of its input has."""
    rows, columns = _size(item, "mh", k), _size(item, "mw", k)
    if rows * columns > MAX_ELEMENTS:
        raise ConfigError(f"has {rows} x {columns} weights, expected at most {MAX_ELEMENTS}",
                          where=f"topology.layers.{k}")
    popcount = isinstance(type_.element, Bits) and form.weight_bits == 1
    if form.weight_bits == 1:
        planes = WeightPlanes.of_bits(arrays.bits(f"w{k}", (rows, columns)))
    else:
        values = arrays.signed(f"w{k}", form.weight_bits, (rows, columns))
        if not values.any():
            raise ConfigError(f"array 'w{k}' contains only zeros", where=arrays.name)
        planes = split_values(values)
    scales, coefficients, const = planes_sum(planes, type_.element)
    const = const + bias * planes.values().sum(axis=1)
    if popcount:
        scales, coefficients, const = (1,), (1,), np.zeros(rows, np.int64)
    name = f"{item['kind']}{k}"
    fields: dict[str, Any] = {"weights": planes.bits, "coefficients": coefficients, "const": const,
                              "thresholds": None, "scales": scales, "mask": planes.mask}
    if not raw:
        fields["thresholds"] = _thresholds(f"t{k}", rows, form.bits, arrays) + 1  # acc > t
    certificate = None
    if item["kind"] == "fc":
        layer: Product = Dense(name, source, type_, **fields)
    else:
        kernel = _size(item, "k", k)
        layer = Conv(name, source, type_, **fields, window=Window((kernel, kernel)))
    if layer.thresholds is not None:
        low, high = (end[:, None] for end in (const, const + layer.top))
        constant = ((layer.thresholds <= low) | (layer.thresholds > high)).all(axis=1)
        certificate = Certificate(name, GIVEN, rows, int(layer.top.max()) + 1,
                                  constant=int(constant.sum()))
    return layer, certificate


def _thresholds(key: str, rows: int, bits: int, arrays: WeightFile) -> np.ndarray:
    """Read the thresholds of activations of some bits, ascending: [rows, J]."""
    if bits == 1:
        return arrays.integers(key, (rows,))[:, None]
    most = (1 << bits) - 1
    shape = arrays.shape(key) if key in arrays else ()
    count = shape[1] if len(shape) == 2 and 2 <= shape[1] <= most else most
    return np.sort(arrays.integers(key, (rows, count)), axis=1)


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
