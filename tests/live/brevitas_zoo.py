"""Brevitas models: the BNN-PYNQ examples that Brevitas ships, and its usual quantisers."""

from __future__ import annotations

from collections.abc import Callable

import brevitas.nn as qnn
import torch
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloat,
)
from brevitas_examples.bnn_pynq.models.common import CommonActQuant, CommonWeightQuant
from brevitas_examples.bnn_pynq.models.FC import FC
from brevitas_examples.bnn_pynq.models.tensor_norm import TensorNorm
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["BREVITAS", "trained"]


class SmallCnv(nn.Module):
    """BNN-PYNQ's CNV with fewer channels: an input of 8 bits, binary layers, a tensor norm."""

    def __init__(self, bits: int, in_bits: int = 8) -> None:
        super().__init__()
        act = {"act_quant": CommonActQuant, "bit_width": bits}
        weight = {"bias": False, "weight_quant": CommonWeightQuant, "weight_bit_width": bits}
        self.conv_features = nn.ModuleList([
            qnn.QuantIdentity(act_quant=CommonActQuant, bit_width=in_bits, min_val=-1.0,
                              max_val=1.0 - 2.0 ** -7, narrow_range=False),
            qnn.QuantConv2d(3, 8, 3, **weight), nn.BatchNorm2d(8, eps=1e-4),
            qnn.QuantIdentity(**act),
            qnn.QuantConv2d(8, 8, 3, **weight), nn.BatchNorm2d(8, eps=1e-4),
            qnn.QuantIdentity(**act), nn.MaxPool2d(kernel_size=2)])
        self.linear_features = nn.ModuleList([
            qnn.QuantLinear(8 * 9, 16, **weight), nn.BatchNorm1d(16, eps=1e-4),
            qnn.QuantIdentity(**act), qnn.QuantLinear(16, 10, **weight), TensorNorm()])
        for module in self.modules():
            if isinstance(module, (qnn.QuantConv2d, qnn.QuantLinear)):
                nn.init.uniform_(module.weight.data, -1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = 2.0 * x - torch.tensor([1.0], device=x.device)
        for module in self.conv_features:
            x = module(x)
        x = x.view(x.shape[0], -1)
        for module in self.linear_features:
            x = module(x)
        return x


class Binary(nn.Module):
    """Brevitas' own binary quantisers, with a residual connection before the sign."""

    def __init__(self) -> None:
        super().__init__()
        weight = {"bias": False, "weight_quant": SignedBinaryWeightPerTensorConst}
        self.conv0 = qnn.QuantConv2d(3, 8, 3, **weight)
        self.norm0, self.act0 = nn.BatchNorm2d(8), qnn.QuantIdentity(
            act_quant=SignedBinaryActPerTensorConst)
        self.conv1 = qnn.QuantConv2d(8, 8, 3, stride=2, **weight)
        self.norm1, self.act1 = nn.BatchNorm2d(8), qnn.QuantIdentity(
            act_quant=SignedBinaryActPerTensorConst)
        self.fc = qnn.QuantLinear(8 * 9, 10, **weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act0(self.norm0(self.conv0(x)))
        x = self.act1(self.norm1(self.conv1(x)))
        return self.fc(x.flatten(1))


class Integers(nn.Module):
    """Weights and activations of several bits, with ReLUs."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        weight = {"bias": False, "weight_quant": Int8WeightPerTensorFloat,
                  "weight_bit_width": bits}
        self.quant = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=8)
        self.fc0, self.norm0 = qnn.QuantLinear(64, 24, **weight), nn.BatchNorm1d(24)
        self.relu0 = qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits)
        self.fc1, self.norm1 = qnn.QuantLinear(24, 16, **weight), nn.BatchNorm1d(16)
        self.relu1 = qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits)
        self.fc2 = qnn.QuantLinear(16, 10, **weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu0(self.norm0(self.fc0(self.quant(x))))
        return self.fc2(self.relu1(self.norm1(self.fc1(x))))


def tfc(bits: int) -> nn.Module:
    """TFC of BNN-PYNQ, with pictures of 8x8."""
    return FC(10, bits, bits, bits, 1, (32, 32, 32), (8, 8))  # type: ignore[no-any-return]


BREVITAS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "TFC W1A1": (lambda: tfc(1), (1, 8, 8)),
    "CNV W1A1": (lambda: SmallCnv(1), (3, 10, 10)),
    "binary quantisers": (Binary, (3, 10, 10)),
    "TFC W2A2": (lambda: tfc(2), (1, 8, 8)),
    "CNV W2A2": (lambda: SmallCnv(2), (3, 10, 10)),
    "W2A2": (lambda: Integers(2), (64,)),
    "W3A3": (lambda: Integers(3), (64,)),
    "W4A4": (lambda: Integers(4), (64,)),
    "W8A8": (lambda: Integers(8), (64,)),
}
"""What makes each model, and the shape of a sample."""


def trained(name: str) -> nn.Module:
    """A model after some steps of training on random pixels."""
    torch.manual_seed(0)
    make, shape = BREVITAS[name]
    model = make().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(10):
        x = torch.randint(0, 256, (16, *shape)) / 255
        optimizer.zero_grad()
        functional.cross_entropy(model(x), x.flatten(1)[:, :4].argmax(1)).backward()
        optimizer.step()
    return model
