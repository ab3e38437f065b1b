"""Tests the arguments of ``from_torch``, and what it says about models that it cannot import."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra 'torch' is not installed: make test-torch")
pytest.importorskip("onnxscript", reason="extra 'torch' is not installed: make test-torch")

import torch
from torch import Tensor, nn

import bnnhw
from bnnhw.errors import BnnhwError, ConfigError, ModelError, ToolError
from tests.live.binary_ops import ComparisonSte, LatentLinear


class Perceptron(nn.Module):
    def __init__(self, inputs: int = 12) -> None:
        super().__init__()
        self.fc = LatentLinear(inputs, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(ComparisonSte.apply(x.flatten(1) - 0.5))


class Stochastic(Perceptron):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(ComparisonSte.apply(x.flatten(1) - torch.rand(1, 12)))


class Conditional(Perceptron):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.sum() > 3 else super().forward(-x)


class Stateful(Perceptron):
    """Inverts its outputs after some calls, which no export can see."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) * (1 if self.calls < 10 else -1)


REJECTED: dict[str, tuple[Any, Any, str]] = {
    "real weights": (nn.Sequential(nn.Linear(12, 4)), torch.zeros(1, 12), "node '0'.*real"),
    "random numbers": (Stochastic(), torch.zeros(1, 12), "(?i)rand"),
    "a condition": (Conditional(), torch.zeros(1, 12), "no Python condition"),
    "another state": (Stateful(), torch.zeros(1, 12), "live model|two different results"),
    "a wrong sample": (Perceptron(), torch.zeros(1, 11), "cannot be exported by torch.export"),
    "no batch": (Perceptron(), torch.zeros(12), r"expected numbers \[n, ...\]"),
    "words": (Perceptron(), np.array([["a"]]), "expected numbers"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_imported_is_explained(name: str) -> None:
    torch.manual_seed(1)
    model, sample, message = REJECTED[name]
    with pytest.raises(BnnhwError, match=message) as error:
        bnnhw.from_torch(model, sample)
    assert isinstance(error.value, (ConfigError, ModelError))
    assert error.value.hint


def test_layouts_and_input_types() -> None:
    """A layout makes samples maps; the values are those of the flattened sample."""
    torch.manual_seed(1)
    model = Perceptron()
    x = np.random.default_rng(2).integers(0, 256, (20, 3, 2, 2))
    vector = bnnhw.from_torch(model, x, check=False)
    first = bnnhw.from_torch(model, x, layout="NCHW", name="maps", check=False)
    assert (vector.shape, first.shape, first.name) == ((12,), (2, 2, 3), "maps")
    scores = vector.predict(x.reshape(20, 12))["scores"]
    assert (first.predict(x, layout="NCHW")["scores"] == scores).all()
    last = bnnhw.from_torch(model, np.moveaxis(x, 1, -1), layout="NHWC", check=False)
    assert (last.predict(x.reshape(20, 2, 2, 3))["scores"] == scores).all()
    bits = bnnhw.from_torch(model, np.ones((1, 12)), input_type="bits", argmax=False, check=False)
    assert list(bits.predict(np.ones((1, 12), dtype=int))) == ["scores"]
    with pytest.raises(ConfigError, match=r"layout=HWC"):
        bnnhw.from_torch(model, x, layout="HWC", check=False)
    with pytest.raises(ConfigError, match="names 4 axes"):
        bnnhw.from_torch(model, x.reshape(20, 12), layout="NCHW", check=False)


@pytest.mark.parametrize("package", ["torch", "onnxscript"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without(name: str, *options: Any) -> Any:
        return None if name == package else found(name, *options)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ToolError, match=rf"{package} is not installed.*\[torch\]"):
        bnnhw.from_torch(Perceptron(), torch.zeros(1, 12))
