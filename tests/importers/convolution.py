"""Computes convolutions and batch-norms directly, as the reference of networks under test."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.networks import Choices

__all__ = ["Pads", "direct", "normed", "norms", "weights_of"]

Pads = tuple[int, int, int, int]


def direct(x: np.ndarray, w: np.ndarray, pads: Pads, stride: tuple[int, int] = (1, 1),
           dilation: tuple[int, int] = (1, 1), groups: int = 1, fill: Any = 0) -> np.ndarray:
    """Convolve values ``[n, H, W, C]`` with ``[out, kh, kw, C / groups]``, one pixel at a time."""
    top, left, bottom, right = pads
    n, height, width, channels = x.shape
    padded = np.empty((n, height + top + bottom, width + left + right, channels), np.int64)
    padded[:] = fill
    padded[:, top:top + height, left:left + width] = x
    out, kh, kw, cut = w.shape
    oh = (padded.shape[1] - (kh - 1) * dilation[0] - 1) // stride[0] + 1
    ow = (padded.shape[2] - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((n, oh, ow, out), np.int64)
    for i in range(oh):
        for j in range(ow):
            for o in range(out):
                first = o // (out // groups) * cut
                for a in range(kh):
                    for b in range(kw):
                        pixel = padded[:, i * stride[0] + a * dilation[0],
                                       j * stride[1] + b * dilation[1], first:first + cut]
                        y[:, i, j, o] += pixel @ w[o, a, b]
    return y


def weights_of(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, shape)


def norms(choices: Choices, outputs: int) -> dict[str, np.ndarray]:
    """Parameters of batch-norm that float32 rounds; the first channel is constant."""
    gamma, beta, bias = choices.integers(-2000, 2000, (3, outputs)) / 1000
    gamma[0] = 0
    return {"c.gamma": gamma, "c.beta": beta, "c.mean": choices.integers(-4, 4, outputs) / 2,
            "c.var": choices.integers(0, 9000, outputs) / 1000, "c.bias": bias}


def normed(sums: np.ndarray, norm: dict[str, np.ndarray]) -> np.ndarray:
    """Compute bits of batch-norm and sign in float32, in the documented order."""
    gamma, beta, mean, var, bias = (norm[f"c.{k}"].astype(np.float32)
                                    for k in ("gamma", "beta", "mean", "var", "bias"))
    y = gamma * ((sums.astype(np.float32) + bias) - mean) / np.sqrt(var + np.float32(1e-5)) + beta
    return y >= 0
