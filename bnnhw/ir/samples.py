"""Arranges arrays of samples as the network reads them, and checks their shape."""

from __future__ import annotations

import numpy as np

from bnnhw.errors import ConfigError

__all__ = ["LAYOUTS", "arrange_samples"]

LAYOUTS = ("NHWC", "NCHW")
"""Orders of the axes of samples; for signals they mean [n, T, C] and [n, C, T]."""

AXES = {3: "[height, width, channels]", 2: "[time steps, channels]", 1: "[values]"}


def arrange_samples(x: np.ndarray, shape: tuple[int, ...],
                    layout: str | None = None) -> np.ndarray:
    """Return ``x`` as ``[n, *shape]``, channels last.

    Without a layout, ``x`` must have exactly that shape. If the network has one channel or one
    pixel, axes of size 1 and flat samples are also accepted, because every layout then stores the
    same values in the same order.

    Parameters
    ----------
    x : array
    shape : tuple of int
        Shape of one sample of the network: (H, W, C), (T, C) or (C,).
    layout : str or None
        ``NHWC`` also accepts flat samples whose channel is the fastest index. ``NCHW`` expects
        ``[n, C, H, W]``, or ``[n, C, T]`` of signals, or flat samples in that order, and moves the
        channels to the end.

    Raises
    ------
    ConfigError
        The shapes differ; the message shows both.
    """
    if layout is not None and layout.upper() not in LAYOUTS:
        raise ConfigError(f"layout '{layout}' must be one of {', '.join(LAYOUTS)}")
    first = layout is not None and layout.upper() == "NCHW" and len(shape) > 1
    expected = (shape[-1], *shape[:-1]) if first else shape
    given = x.shape[1:]
    flat = x.ndim == 2 and x.shape[1] == int(np.prod(shape))
    same_order = min(shape[-1], int(np.prod(shape[:-1]))) == 1
    accepted = x.ndim > 1 and (given == expected or (flat and (layout is not None or same_order)) or
                               (same_order and _without_ones(given) == _without_ones(expected)))
    if not accepted:
        sizes = ", ".join(map(str, expected))
        raise ConfigError(f"has shape {x.shape}, expected [n, {sizes}]", where="input array",
                          hint=_hint(x, shape, expected, first))
    x = x.reshape(len(x), *expected)
    return np.moveaxis(x, 1, -1) if first else x


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _hint(x: np.ndarray, shape: tuple[int, ...], expected: tuple[int, ...], first: bool) -> str:
    """How to change an array so that it is accepted."""
    given = x.shape[1:]
    if x.shape == expected:
        return "the axis of the samples is missing: use x[None] for one sample"
    if len(shape) > 1 and given == (shape if first else (shape[-1], *shape[:-1])):
        layout, position = ("NHWC", "end") if first else ("NCHW", "front")
        return f"its channels are at the {position}: use `layout={layout}`"
    if x.ndim > 1 and int(np.prod(given)) == int(np.prod(shape)):
        if len(shape) == 1:
            return ("the network reads vectors: use x.reshape(len(x), -1), with the axes of a "
                    "sample in the order of the training")
        if len(given) == 1:
            return ("the order of the values in a flat sample is not known: use `layout=NHWC` or "
                    "`layout=NCHW`")
    return f"a sample of this network is {AXES.get(len(shape), 'an array')} of {shape}"
