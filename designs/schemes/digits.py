"""Loads the MNIST digits of 14 x 14 pixels that the networks of this folder are trained on."""

from __future__ import annotations

import numpy as np

from bnnhw.designs.mnist_tfc.digits import load as load_digits

__all__ = ["load"]


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (train digits, train labels, held-out digits, held-out labels).

    Digits are uint8 ``[n, 196]``: each pixel is the mean of four pixels of the original, rounded
    down. The split is that of the design ``mnist_tfc``.
    """
    train_x, train_y, test_x, test_y = load_digits()
    return _halved(train_x), train_y, _halved(test_x), test_y


def _halved(x: np.ndarray) -> np.ndarray:
    blocks = x.reshape(-1, 14, 2, 14, 2).astype(np.int64)
    return (blocks.sum(axis=(2, 4)) // 4).astype(np.uint8).reshape(len(x), -1)
