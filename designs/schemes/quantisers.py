"""Quantisers of weights and activations as their papers define them, with integer values.

In training every layer computes with the integers that the hardware has; a batch-norm follows, so
that one real scale of a layer has no effect. The gradient passes straight through (Hubara et al.,
2016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

__all__ = ["ACTIVATIONS", "WEIGHTS", "Activation", "Weights", "fixed_point"]

FRACTION = 16
"""Steps per unit of learned scales, which become integers."""

Weights = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Quantises latent weights ``[out, in]`` with learned scales to integers."""


def through(exact: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
    """Return ``exact`` in the forward pass, with the gradient of ``smooth``."""
    return smooth + (exact - smooth).detach()


def fixed_point(scales: torch.Tensor) -> torch.Tensor:
    """Positive learned scales as integers, in units of ``1 / FRACTION``."""
    scaled = scales.abs() * FRACTION
    return through(scaled.round().clamp(min=1), scaled)


def signs(x: torch.Tensor) -> torch.Tensor:
    """+1 for x >= 0, else -1; the gradient passes where |x| <= 1."""
    return through(torch.where(x >= 0, 1.0, -1.0), x.clamp(-1, 1))


def binary(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """-1 and +1 (BinaryNet; the mean magnitude of XNOR-Net is a scale that batch-norm absorbs)."""
    return signs(w)


def dorefa(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Two bits of DoReFa-Net: -3, -1, 1, 3 thirds of the largest weight."""
    bounded = torch.tanh(w) / torch.tanh(w).abs().max()
    return through(2 * torch.round((bounded + 1) * 1.5) - 3, 3 * bounded)


def ternary(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """-1, 0, +1 with the threshold 0.7 of the mean magnitude (ternary weight networks)."""
    return through(torch.where(w.abs() <= 0.7 * w.abs().mean(), 0.0, torch.sign(w)), w.clamp(-1, 1))


def trained_ternary(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """-Wn, 0, +Wp with two learned scales, the threshold 0.05 of the largest weight (TTQ)."""
    limit = 0.05 * w.detach().abs().max()
    positive, negative = (w.detach() > limit).float(), (w.detach() < -limit).float()
    up, down = fixed_point(scales[:2])
    values = up * positive - down * negative
    return values + (w - w.detach()) * (1 + (up - 1) * positive + (down - 1) * negative)


def eight_bits(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """-127 to 127, without the lowest value of eight bits."""
    return through(torch.round(127 * w), 127 * w)


def bases(w: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Sums of three binary bases, the signs of shifted weights (ABC-Net)."""
    centred = w - w.mean()
    shifts = torch.tensor([-1.0, 0.0, 1.0]) * w.detach().std()
    total = torch.zeros_like(w)
    for scale, shift in zip(fixed_point(scales[:3]), shifts, strict=True):
        total = total + scale * signs(centred + shift)
    return total


WEIGHTS: dict[str, Weights] = {"binary": binary, "dorefa": dorefa, "ternary": ternary,
                               "trained_ternary": trained_ternary, "bases": bases,
                               "eight_bits": eight_bits}


@dataclass(frozen=True)
class Activation:
    """A quantiser of the outputs of batch-norm.

    Parameters
    ----------
    levels : int
        The largest code J.
    codes : callable
        Integers 0..J of real numbers and learned scales; they never fall where a number rises.
    values : callable
        The integers that the next layer multiplies, of real numbers and scales.
    planes : callable
        What each bit of a code adds where it is 1 and subtracts where it is 0, lowest bit first;
        empty where the code itself is the value.
    """

    levels: int
    codes: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    values: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    planes: Callable[[torch.Tensor], list[int]] = lambda scales: []


def _two_bits(x: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    return torch.round(x.clamp(0, 1) * 3)


def _three_bases(x: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The number of shifts v with ``x >= 1/2 - v``: three bases of equal scales."""
    shifted = torch.stack([(x + v).clamp(0, 1) for v in (-0.5, 0.0, 0.5)])
    return (shifted >= 0.5).float().sum(dim=0)


def residual(count: int) -> Activation:
    """Residual binarisation with ``count`` levels (ReBNet); the first is the highest bit."""
    def levels(scales: torch.Tensor) -> torch.Tensor:
        # Each level is at most half of the one before, so that codes rise with the number.
        steps = [fixed_point(scales[:1])]
        for k in range(1, count):
            half = torch.floor(steps[-1] / 2).clamp(min=1)
            steps.append(torch.minimum(fixed_point(scales[k:k + 1]), half))
        return torch.cat(steps)

    def bits(x: torch.Tensor, scales: torch.Tensor) -> list[torch.Tensor]:
        remainder, found = x * FRACTION, []
        for level in levels(scales):
            found.append(signs(remainder / FRACTION))
            remainder = remainder - level * found[-1]
        return found

    def codes(x: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        code = torch.zeros_like(x)
        for bit in bits(x, scales):
            code = 2 * code + (bit > 0).float()
        return code

    def values(x: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        parts = zip(levels(scales), bits(x, scales), strict=True)
        return torch.stack([level * bit for level, bit in parts]).sum(dim=0)

    return Activation((1 << count) - 1, codes, values,
                      lambda scales: [int(step) for step in levels(scales).flip(0)])


ACTIVATIONS: dict[str, Activation] = {
    "sign": Activation(1, lambda x, scales: (x >= 0).float(), lambda x, scales: signs(x),
                       lambda scales: [1]),
    "two_bits": Activation(3, _two_bits, lambda x, scales: through(_two_bits(x, scales),
                                                                   3 * x.clamp(0, 1))),
    "three_bases": Activation(3, _three_bases, lambda x, scales: through(
        2 * _three_bases(x, scales) - 3, 2 * x.clamp(-0.5, 1.5)), lambda scales: [1, 2]),
    **{f"residual{count}": residual(count) for count in (1, 2, 3)},
}
