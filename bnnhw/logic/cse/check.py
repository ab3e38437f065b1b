"""Compares the netlist of a block with its specification on random inputs.

The proofs of ``certificate`` cover each sum and comparison. This test covers their connections.
"""

from __future__ import annotations

import numpy as np

from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.logic.certificate import CertificateError
from bnnhw.logic.netlist import Netlist

__all__ = ["check_block", "compute_block"]

VECTORS = 128
"""Random input vectors of a comparison."""


def compute_block(block: BlockSpec, x: np.ndarray) -> np.ndarray:
    """Compute a block from its specification: bool ``[n, inputs]`` -> bool ``[n, outputs]``."""
    first = block.layers[0]
    border_class = np.zeros(len(x), dtype=np.int64)
    for k in range(block.class_bits):
        border_class |= x[:, first.columns * first.planes + k].astype(np.int64) << k
    values = x[:, :first.columns * first.planes].astype(np.int64)
    elements = values
    for layer in block.layers:
        elements = _compute_layer(layer, values, border_class)
        values = _bits(elements, layer.width)
        border_class = np.zeros_like(border_class)
    parts = [values] if block.forward or not block.label else []
    if block.label:
        width = block.layers[-1].width
        unsigned = elements & ((1 << width) - 1)
        signed = unsigned - ((unsigned >> (width - 1) & 1) << width)
        label = (signed if block.score_signed else unsigned).argmax(axis=1)
        parts.append(_bits(label[:, None], block.label_width))
    return np.concatenate(parts, axis=1).astype(bool)


def _compute_layer(layer: LayerSpec, bits: np.ndarray, border_class: np.ndarray) -> np.ndarray:
    """Elements ``[n, rows]``, from bits ``[n, columns * planes]`` and classes ``[n]``."""
    total = np.zeros((len(bits), layer.rows), dtype=np.int64)
    for m in range(layer.planes):
        plane = bits[:, m::layer.planes]
        if layer.signed and m == layer.planes - 1:
            plane = 1 - plane
        for signs, factor in zip(layer.signs.astype(np.int64), layer.coefficients[:, m],
                                 strict=True):
            total += factor * (((2 * plane - 1) @ signs.T + np.abs(signs).sum(axis=1)) // 2)
    if layer.limits is None:
        return np.asarray(layer.scale * total + layer.const[border_class])
    return np.asarray((total[:, :, None] >= layer.limits[border_class]).sum(axis=2))


def _bits(elements: np.ndarray, width: int) -> np.ndarray:
    """Elements ``[n, e]`` as bits ``[n, e * width]``, lowest first."""
    return np.asarray(elements[:, :, None] >> np.arange(width) & 1).reshape(len(elements), -1)


def check_block(block: BlockSpec, netlist: Netlist) -> None:
    """Compare a netlist with its specification on random inputs of every density, all 0 and all 1.

    Raises
    ------
    CertificateError
        The outputs differ for some input.
    """
    random = np.random.default_rng(len(netlist.cells))
    x = random.random((VECTORS, block.inputs)) < random.random((VECTORS, 1))
    x[0], x[1] = False, True
    first = block.layers[0]
    classes = random.integers(0, first.classes, VECTORS)
    x[:, first.columns * first.planes:] = _bits(classes[:, None], block.class_bits)
    if (netlist.evaluate(x) != compute_block(block, x)).any():
        raise CertificateError("the netlist of a block differs from its layers on a random input")
