"""The ways in which published PyTorch code writes signs, straight-through estimators and layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ClippedSte", "ComparisonSte", "DetachedSign", "FlatBinaryConv", "InPlaceBinarizer",
           "InPlaceLinear", "LatentConv", "LatentLinear", "ScaledConv", "SignBit",
           "StandardisedConv", "larq_sign", "legacy_sign", "levels", "sign_or_one"]


class ComparisonSte(torch.autograd.Function):
    """+1 for x >= 0, else -1; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class ClippedSte(torch.autograd.Function):
    """torch.sign with a gradient that is set to 0 by masked assignments."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        masked = gradient.clone()
        masked[x.ge(1)] = 0
        masked[x.le(-1)] = 0
        return masked


class LegacySte(torch.autograd.function.InplaceFunction):
    """Methods without ``staticmethod``, several arguments, and operations in place on a clone."""

    def forward(ctx: Any, x: Tensor, mode: str = "det", scaled: bool = False) -> Tensor:
        output = x.clone()
        scale = output.abs().max() if scaled else 1
        if mode == "det":
            return output.div(scale).sign().mul(scale)
        noise = torch.rand(output.size()).add(-0.5)
        return output.div(scale).add_(1).div_(2).add_(noise).clamp_(0, 1).round().mul_(2).add_(-1)

    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient, None, None


def legacy_sign(x: Tensor) -> Tensor:
    return LegacySte.apply(x, "det")  # type: ignore[no-any-return]


def larq_sign(x: Tensor) -> Tensor:
    """Larq's sign, which is +1 at 0, with a straight-through estimator of detached differences."""
    exact = torch.sign(torch.sign(x) + 0.1)
    return x.clamp(-1, 1) + (exact - x.clamp(-1, 1)).detach()


def sign_or_one(x: Tensor) -> Tensor:
    found = torch.sign(x)
    return torch.where(found == 0, torch.tensor(1.0, device=x.device), found)


def levels(x: Tensor, bits: int) -> Tensor:
    """DoReFa's activation: 2**bits levels of 0..1, with a straight-through rounding."""
    count = 2 ** bits - 1
    clipped = torch.clamp(x, 0, 1)
    return clipped + (torch.round(clipped * count) / count - clipped).detach()


class DetachedSign(nn.Module):
    """The sign in the forward pass, and the gradient of a piecewise polynomial (Bi-Real net)."""

    def forward(self, x: Tensor) -> Tensor:
        hard = torch.sign(x)
        low, negative, inside = (x < limit for limit in (-1, 0, 1))
        one = (-1) * low.type(torch.float32) + (x * x + 2 * x) * (1 - low.type(torch.float32))
        two = one * negative.type(torch.float32) + \
            (-x * x + 2 * x) * (1 - negative.type(torch.float32))
        soft = two * inside.type(torch.float32) + 1 * (1 - inside.type(torch.float32))
        return hard.detach() - soft.detach() + soft


class SignBit(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).float() * 2 - 1


class LatentLinear(nn.Linear):
    """Binarises its latent weights in every forward pass."""

    sign: Any = staticmethod(ComparisonSte.apply)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.sign(self.weight), self.bias)


class LatentConv(nn.Conv2d):
    sign: Any = staticmethod(ComparisonSte.apply)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.sign(self.weight), self.bias, self.stride, self.padding,
                                 self.dilation, self.groups)


class ScaledConv(nn.Conv2d):
    """XNOR-Net's scale: the mean magnitude of each filter, by nested norms."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        n = w[0].nelement()
        scale = w.norm(1, 3, keepdim=True).sum(2, keepdim=True).sum(1, keepdim=True).div(n)
        return functional.conv2d(x, ClippedSte.apply(w).mul(scale.expand_as(w)), self.bias,
                                 self.stride, self.padding, self.dilation, self.groups)


class StandardisedConv(nn.Conv2d):
    """IR-Net: weights of mean 0 and deviation 1, a sign, and a scale that is a power of two."""

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        rows = w - w.view(w.size(0), -1).mean(-1).view(w.size(0), 1, 1, 1)
        rows = rows / rows.view(rows.size(0), -1).std(-1).view(rows.size(0), 1, 1, 1)
        mean = rows.abs().view(rows.size(0), -1).mean(-1)
        scale = torch.pow(torch.tensor([2.0] * rows.size(0)),
                          (torch.log(mean) / torch.log(torch.tensor(2.0))).round().float())
        binary = ClippedSte.apply(rows) * scale.view(rows.size(0), 1, 1, 1).detach()
        return functional.conv2d(x, binary, self.bias, self.stride, self.padding)


class FlatBinaryConv(nn.Module):
    """Weights in one column, a scale, and a detached straight-through estimator (Bi-Real net)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1,
                 padding: int = 1) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.shape = (outputs, inputs, kernel, kernel)
        count = outputs * inputs * kernel * kernel
        self.weights = nn.Parameter(torch.randn(count, 1) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        real = self.weights.view(self.shape)
        scale = torch.mean(torch.mean(torch.mean(abs(real), dim=3, keepdim=True), dim=2,
                                      keepdim=True), dim=1, keepdim=True).detach()
        hard = scale * torch.sign(real)
        soft = torch.clamp(real, -1.0, 1.0)
        binary = hard.detach() - soft.detach() + soft
        return functional.conv2d(x, binary, stride=self.stride, padding=self.padding)


class InPlaceLinear(nn.Linear):
    """Replaces the data of its input and its weights, and keeps the latent ones as an attribute."""

    def forward(self, x: Tensor) -> Tensor:
        if x.size(1) != 64:
            x.data = x.data.sign()
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()  # type: ignore[attr-defined]
        self.weight.data = self.weight.org.sign()  # type: ignore[attr-defined]
        out = functional.linear(x, self.weight)
        if self.bias is not None:
            self.bias.org = self.bias.data.clone()  # type: ignore[attr-defined]
            out += self.bias.view(1, -1).expand_as(out)
        return out


class InPlaceBinarizer:
    """Binarises the weights of a model between training steps, and restores them (XNOR-Net)."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = [m.weight for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        self.saved = [w.data.clone() for w in self.weights]

    def binarize(self) -> None:
        for w, saved in zip(self.weights, self.saved, strict=True):
            if w.size(1) > 1:
                w.data = w.data.add(w.data.mean(1, keepdim=True).mul(-1).expand_as(w.data))
            w.data = w.data.clamp(-1.0, 1.0)
            saved.copy_(w.data)
            axes = tuple(range(1, w.dim()))
            scale = w.data.abs().mean(axes, keepdim=True)
            w.data = w.data.sign().mul(scale.expand_as(w.data))

    def restore(self) -> None:
        for w, saved in zip(self.weights, self.saved, strict=True):
            w.data.copy_(saved)
