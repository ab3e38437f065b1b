"""A block's netlist beside its definition, on random inputs: what holds proofs together."""

from __future__ import annotations

import numpy as np

from bnnhw.logic.certificate import CertificateError
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.spec import CountBlock, CountLayer

__all__ = ["check_block", "compute_block"]

VECTORS = 128


def compute_block(block: CountBlock, x: np.ndarray) -> np.ndarray:
    """Outputs of a block: bool ``[n, inputs]`` -> bool ``[n, outputs]``."""
    first = block.layers[0]
    place = np.zeros(len(x), dtype=np.int64)
    for k in range(block.class_bits):
        place |= x[:, first.columns * first.planes + k].astype(np.int64) << k
    values = x[:, :first.columns * first.planes].astype(np.int64)
    elements = values
    for layer in block.layers:
        elements = _compute_layer(layer, values, place)
        values = _bits(elements, layer.width)
        place = np.zeros_like(place)
    parts = [values] if block.forward or not block.label else []
    if block.label:
        width = block.layers[-1].width
        unsigned = elements & ((1 << width) - 1)
        signed = unsigned - ((unsigned >> (width - 1) & 1) << width)
        label = (signed if block.score_signed else unsigned).argmax(axis=1)
        parts.append(_bits(label[:, None], block.label_width))
    return np.concatenate(parts, axis=1).astype(bool)


def _compute_layer(layer: CountLayer, bits: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Elements ``[n, rows]`` of a layer whose input is ``[n, columns * planes]``."""
    signs, total = layer.signs, 0
    for m in range(layer.planes):
        plane = bits[:, m::layer.planes]
        if layer.signed and m == layer.planes - 1:
            plane = 1 - plane
        agreeing = ((2 * plane - 1) @ signs.T + np.abs(signs).sum(axis=1)) // 2
        total = total + (agreeing << m)
    if layer.limits is None:
        return np.asarray(layer.scale * total + layer.const[place])
    return np.asarray((np.asarray(total)[:, :, None] >= layer.limits[place]).sum(axis=2))


def _bits(elements: np.ndarray, width: int) -> np.ndarray:
    """Elements ``[n, e]`` as bits ``[n, e * width]``, lowest first."""
    return np.asarray(elements[:, :, None] >> np.arange(width) & 1).reshape(len(elements), -1)


def check_block(block: CountBlock, netlist: Netlist) -> None:
    """Compare a netlist with its definition on inputs of every density, and all 0 and all 1.

    Raises
    ------
    CertificateError
        They differ.
    """
    random = np.random.default_rng(len(netlist.cells))
    x = random.random((VECTORS, block.inputs)) < random.random((VECTORS, 1))
    x[0], x[1] = False, True
    first = block.layers[0]
    places = random.integers(0, first.classes, VECTORS)
    x[:, first.columns * first.planes:] = _bits(places[:, None], block.class_bits)
    if (netlist.evaluate(x) != compute_block(block, x)).any():
        raise CertificateError("a block of logic does not compute its layers")
