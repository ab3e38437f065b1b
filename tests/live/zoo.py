"""Models of binary networks, written as their authors write them, and trained for a few steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from tests.live.binary_ops import (
    ClippedSte,
    ComparisonSte,
    DetachedSign,
    FlatBinaryConv,
    InPlaceBinarizer,
    InPlaceLinear,
    LatentConv,
    LatentLinear,
    ScaledConv,
    SignBit,
    StandardisedConv,
    larq_sign,
    legacy_sign,
    levels,
    sign_or_one,
)

__all__ = ["ZOO", "Case", "trained"]

STEPS = 12


@dataclass(frozen=True)
class Case:
    """A model and its input.

    Attributes
    ----------
    make : function
        Makes the model.
    shape : tuple of int
        Of one sample, as the model reads it.
    pixel_range : (float, float)
        What the model sees for the pixels 0 and 255.
    in_place : bool
        The weights are binarised in place around each training step.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (1, 8, 8)
    pixel_range: tuple[float, float] = (-1.0, 1.0)
    in_place: bool = False


class Tutorial(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc0, self.norm = LatentLinear(64, 32, bias=False), nn.BatchNorm1d(32)
        self.fc1 = LatentLinear(32, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.where(x >= 0.5, 1.0, -1.0)
        return self.fc1(ComparisonSte.apply(self.norm(self.fc0(x))))


class LegacyLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        if x.size(1) != 64:
            x = legacy_sign(x)
        out = functional.linear(x, legacy_sign(self.weight))
        if self.bias is not None:
            self.bias.org = self.bias.data.clone()  # type: ignore[attr-defined]
            out += self.bias.view(1, -1).expand_as(out)
        return out


class BinaryNetMlp(nn.Module):
    """Hardtanh, batch-norms, dropout and a log-softmax; the first layer reads pixels."""

    def __init__(self, linear: type[nn.Linear] = LegacyLinear) -> None:
        super().__init__()
        self.fc1, self.htanh1, self.bn1 = linear(64, 48), nn.Hardtanh(), nn.BatchNorm1d(48)
        self.fc2, self.htanh2, self.bn2 = linear(48, 40), nn.Hardtanh(), nn.BatchNorm1d(40)
        self.drop = nn.Dropout(0.5)
        self.fc3 = linear(40, 10)
        self.logsoftmax = nn.LogSoftmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x.view(-1, 64)
        x = self.htanh1(self.bn1(self.fc1(x)))
        x = self.htanh2(self.bn2(self.drop(self.fc2(x))))
        return self.logsoftmax(self.fc3(x))


class LegacyConv(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        x = x if x.size(1) == 1 else legacy_sign(x)
        out = functional.conv2d(x, legacy_sign(self.weight), None, self.stride, self.padding,
                                self.dilation, self.groups)
        if self.bias is not None:
            out += self.bias.view(1, -1, 1, 1).expand_as(out)
        return out


class BinaryNetVgg(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            LegacyConv(1, 12, 3, padding=1, bias=True), nn.BatchNorm2d(12),
            nn.Hardtanh(inplace=True),
            LegacyConv(12, 16, 3, padding=1, bias=True), nn.MaxPool2d(2, 2), nn.BatchNorm2d(16),
            nn.Hardtanh(inplace=True))
        self.classifier = nn.Sequential(
            LegacyLinear(16 * 16, 32), nn.BatchNorm1d(32), nn.Hardtanh(inplace=True),
            LegacyLinear(32, 10), nn.BatchNorm1d(10, affine=False), nn.LogSoftmax(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.view(-1, 16 * 16))


class XnorBlock(nn.Module):
    """Batch-norm, sign, convolution, ReLU; its weights are plain parameters."""

    def __init__(self, inputs: int, outputs: int, **options: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs, eps=1e-4)
        self.conv = nn.Conv2d(inputs, outputs, **options)  # type: ignore[arg-type]
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(ClippedSte.apply(self.bn(x))))


class XnorNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, bias=False)
        self.block = XnorBlock(8, 12, kernel_size=3, padding=0)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.bn = nn.BatchNorm1d(12 * 4)
        self.ip = nn.Linear(12 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.block(self.conv1(x)))
        x = ClippedSte.apply(self.bn(x.view(x.size(0), 12 * 4)))
        return self.ip(x)


class ScaledNet(nn.Module):
    """The scale of each filter is part of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = ScaledConv(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv1, self.bn1 = ScaledConv(8, 12, 3, stride=2, bias=False), nn.BatchNorm2d(12)
        self.fc = LatentLinear(12 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = ClippedSte.apply(self.bn0(self.conv0(x)))
        x = ClippedSte.apply(self.bn1(self.conv1(x)))
        return self.fc(torch.flatten(x, 1))


class BiRealBlock(nn.Module):
    def __init__(self, planes: int) -> None:
        super().__init__()
        self.binary_activation = DetachedSign()
        self.binary_conv = FlatBinaryConv(planes, planes)
        self.bn1 = nn.BatchNorm2d(planes)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.binary_conv(self.binary_activation(x)))
        out += x
        return out


class BiRealNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = FlatBinaryConv(1, 8, padding=0)
        self.bn = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(BiRealBlock(8), BiRealBlock(8))
        self.act = DetachedSign()
        self.fc = LatentLinear(8 * 36, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.bn(self.stem(x)))
        x = self.act(x)
        return self.fc(x.view(x.size(0), -1))


class LearnableBias(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.expand_as(x)


class ReActNet(nn.Module):
    """RSign and RPReLU: shifts by learnt biases around a sign and a PReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = FlatBinaryConv(1, 8, padding=0)
        self.bn0 = nn.BatchNorm2d(8)
        self.move0, self.act = LearnableBias(8), DetachedSign()
        self.conv, self.bn1 = FlatBinaryConv(8, 8), nn.BatchNorm2d(8)
        self.move1, self.prelu, self.move2 = LearnableBias(8), nn.PReLU(8), LearnableBias(8)
        self.move3 = LearnableBias(8)
        self.fc = LatentLinear(8 * 36, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.move0(self.bn0(self.stem(x))))
        x = self.move2(self.prelu(self.move1(self.bn1(self.conv(x)))))
        x = self.act(self.move3(x))
        return self.fc(x.view(x.size(0), -1))


class IrNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = StandardisedConv(1, 8, 3), nn.BatchNorm2d(8)
        self.conv1, self.bn1 = StandardisedConv(8, 12, 3), nn.BatchNorm2d(12)
        self.htanh = nn.Hardtanh()
        self.fc = LatentLinear(12 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = ClippedSte.apply(self.htanh(self.bn0(self.conv0(x))))
        x = ClippedSte.apply(self.htanh(self.bn1(self.conv1(x))))
        return self.fc(x.flatten(1))


class LarqLinear(LatentLinear):
    sign = staticmethod(larq_sign)


class LarqLike(nn.Module):
    """Keras' order: activation of the inputs, product, batch-norm without a scale."""

    def __init__(self) -> None:
        super().__init__()
        self.dense0, self.bn0 = LarqLinear(64, 32, bias=False), nn.BatchNorm1d(32, eps=1e-3)
        self.dense1, self.bn1 = LarqLinear(32, 32, bias=False), nn.BatchNorm1d(32, eps=1e-3)
        self.dense2, self.bn2 = LarqLinear(32, 10, bias=False), nn.BatchNorm1d(10, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn0(self.dense0(torch.flatten(x, 1)))
        x = self.bn1(self.dense1(larq_sign(x)))
        return torch.softmax(self.bn2(self.dense2(larq_sign(x))), dim=-1)


class DoReFa(nn.Module):
    """Binary weights with one scale for the layer, activations of two bits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv1, self.bn1 = nn.Conv2d(8, 12, 3, bias=False), nn.BatchNorm2d(12)
        self.fc = nn.Linear(12 * 4, 10, bias=False)

    def binary(self, w: Tensor) -> Tensor:
        scale = w.abs().mean().detach()
        return ComparisonSte.apply(w / scale) * scale

    def forward(self, x: Tensor) -> Tensor:
        x = levels(self.bn0(functional.conv2d(x, self.binary(self.conv0.weight))), 2)
        x = levels(self.bn1(functional.conv2d(x, self.binary(self.conv1.weight))), 2)
        x = functional.max_pool2d(x, 2)
        return functional.linear(x.reshape(x.shape[0], -1), self.binary(self.fc.weight))


class BinaryWeight(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return w + (sign_or_one(w) - w).detach()


class Parametrized(nn.Module):
    """Plain layers whose weights are parametrized, and a model of nested Sequentials."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), SignBit()),
            nn.Sequential(nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.BatchNorm2d(8), SignBit()),
            nn.Sequential(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16), SignBit()))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(256, 10), nn.Identity())
        for module in list(self.modules()):
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                parametrize.register_parametrization(module, "weight", BinaryWeight())

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Keywords(nn.Module):
    """Causal convolutions of a signal."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = nn.Conv1d(4, 8, 3, bias=False), nn.BatchNorm1d(8)
        self.conv1, self.bn1 = nn.Conv1d(8, 12, 3, bias=False), nn.BatchNorm1d(12)
        self.fc = LatentLinear(12 * 16, 6)

    def forward(self, x: Tensor) -> Tensor:
        w = [ComparisonSte.apply(conv.weight) for conv in (self.conv0, self.conv1)]
        x = functional.conv1d(functional.pad(x, (2, 0)), w[0])
        x = ComparisonSte.apply(self.bn0(x))
        x = functional.conv1d(functional.pad(x, (2, 0)), w[1])
        x = ComparisonSte.apply(self.bn1(x))
        return self.fc(x.transpose(1, 2).flatten(1))


class Shuffled(nn.Module):
    """Groups, a channel shuffle, a concatenation, and an average pool before the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn0 = LatentConv(1, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.left, self.bn1 = LatentConv(8, 8, 3, padding=1, groups=2, bias=False), \
            nn.BatchNorm2d(8)
        self.right, self.bn2 = LatentConv(8, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.fc = LatentLinear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = ComparisonSte.apply(self.bn0(self.stem(x)))
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        left = ComparisonSte.apply(self.bn1(self.left(x)))
        right = ComparisonSte.apply(self.bn2(self.right(x)))
        x = torch.cat([left, right], dim=1)
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.fc(ComparisonSte.apply(x.flatten(1)))


class TwoHeads(nn.Module):
    """Returns two tensors, one of them after an argmax."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm = LatentLinear(64, 32), nn.BatchNorm1d(32)
        self.first, self.second = LatentLinear(32, 4), LatentLinear(32, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = ComparisonSte.apply(self.norm(self.body(x.flatten(1))))
        return self.first(x), self.second(x)


class ChannelsLast(nn.Module):
    """Reads pictures with the channels last, as cameras and numpy have them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = LatentConv(3, 8, 3, stride=2, padding=1, bias=False), \
            nn.BatchNorm2d(8)
        self.fc = LatentLinear(8 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x.permute(0, 3, 1, 2))
        return self.fc(ComparisonSte.apply(self.bn(x)).flatten(1))


ZOO = {
    "tutorial": Case(Tutorial, (64,), (0.0, 1.0)),
    "BinaryNet, perceptron": Case(BinaryNetMlp),
    "BinaryNet, data replaced in place": Case(lambda: BinaryNetMlp(InPlaceLinear)),
    "BinaryNet, VGG": Case(BinaryNetVgg, pixel_range=(0.0, 1.0)),
    "XNOR-Net, weights replaced in place": Case(XnorNet, in_place=True),
    "XNOR-Net, scale in the weights": Case(ScaledNet),
    "Bi-Real net": Case(BiRealNet),
    "ReActNet": Case(ReActNet),
    "IR-Net": Case(IrNet),
    "Larq in PyTorch": Case(LarqLike, (64,)),
    "DoReFa W1A2": Case(DoReFa),
    "parametrized": Case(Parametrized),
    "causal signal": Case(Keywords, (4, 16), (0.0, 1.0)),
    "shuffled groups": Case(Shuffled),
    "two heads": Case(TwoHeads),
    "channels last": Case(ChannelsLast, (8, 8, 3), (0.0, 1.0)),
}


def trained(case: Case, seed: int = 0) -> nn.Module:
    """A model after some steps of training on random pixels with labels that depend on them."""
    torch.manual_seed(seed)
    model = case.make().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    binarizer = InPlaceBinarizer(model) if case.in_place else None
    low, high = case.pixel_range
    for _ in range(STEPS):
        pixels = torch.randint(0, 256, (16, *case.shape))
        x = low + (high - low) * pixels / 255
        labels = pixels.flatten(1)[:, :4].argmax(1)
        if binarizer:
            binarizer.binarize()
        optimizer.zero_grad()
        outputs = model(x)
        for output in outputs if isinstance(outputs, tuple) else (outputs,):
            functional.cross_entropy(output, labels).backward(retain_graph=True)
        for p in model.parameters():
            if hasattr(p, "org"):
                p.data.copy_(p.org)
        if binarizer:
            binarizer.restore()
        optimizer.step()
        for p in model.parameters():
            if hasattr(p, "org"):
                p.org.copy_(p.data.clamp_(-1, 1))
    if binarizer:
        binarizer.binarize()
    return model
