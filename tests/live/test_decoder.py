"""Tests live PyTorch models that enlarge maps: pixel shuffles and transposed convolutions."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra 'torch' is not installed: make test-torch")
pytest.importorskip("onnxscript", reason="extra 'torch' is not installed: make test-torch")

import torch

import bnnhw


def signs(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


class Convolution(torch.nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, signs(self.weight), None, self.stride, self.padding)


class Larger(torch.nn.ConvTranspose2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv_transpose2d(
            x, signs(self.weight), None, self.stride, self.padding, self.output_padding)


class Decoder(torch.nn.Module):
    """A map of 6 x 5 pixels becomes one of 24 x 20 pixels."""

    def __init__(self, kernel: int, padding: int, more: int) -> None:
        super().__init__()
        self.first = Convolution(3, 16, 3, padding=1, bias=False)
        self.norm = torch.nn.BatchNorm2d(16)
        self.shuffle = torch.nn.PixelShuffle(2)
        self.larger = Larger(4, 6, kernel, 2, padding, more, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(6)
        self.last = Convolution(6, 3, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.shuffle(signs(self.norm(self.first(x))))
        return self.last(signs(self.norm2(self.larger(x))))


@pytest.mark.parametrize(("kernel", "padding", "more"), [
    (3, 1, 1), pytest.param(2, 0, 0, marks=pytest.mark.long),
    pytest.param(4, 1, 0, marks=pytest.mark.long)])
def test_a_decoder_is_exact_in_hardware(kernel: int, padding: int, more: int) -> None:
    torch.manual_seed(kernel)
    model = Decoder(kernel, padding, more).eval()
    for norm in (model.norm, model.norm2):
        norm.running_mean.normal_(0, 2)
        norm.running_var.uniform_(1, 9)
    x = signs(torch.randn(4, 3, 6, 5))
    network = bnnhw.from_torch(model, x, input_type="bits")
    assert [layer.kind for layer in network.layers] == ["conv", "depth_to_space",
                                                        "conv_transpose", "conv"]
    expected = model(x).detach().numpy().transpose(0, 2, 3, 1)
    stored = np.moveaxis(x.numpy(), 1, -1).astype(np.int64)
    assert (network.predict(stored)["scores"] == expected).all()
    design = bnnhw.generate(network, arch="streaming", device="generic", ii=2000)
    run = design.simulate(stored, engine="pysim")
    assert (run.outputs["scores"] == expected).all()
