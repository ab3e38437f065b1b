"""Tests state dicts of PyTorch, whose layers a YAML file describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra 'torch' is not installed: make test-torch")

import torch
from torch import Tensor, nn
from torch.nn import functional

import bnnhw
from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.importers.registry import load_any
from tests.cli.inside import caller


class Reference(nn.Module):
    """A convolution, a depthwise one, a pool, a flattened map, and a batch-norm of features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.depth, self.bn1 = nn.Conv2d(6, 6, (3, 2), groups=6, bias=False), nn.BatchNorm2d(6)
        self.fc0, self.bn2 = nn.Linear(6 * 3 * 3, 16, bias=False), nn.BatchNorm1d(16)
        self.bnf = nn.BatchNorm1d(6 * 3 * 3)
        self.fc1 = nn.Linear(16, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        def sign(v: Tensor) -> Tensor:
            return torch.where(v >= 0, 1.0, -1.0)

        x = sign(self.bn0(functional.conv2d(x, sign(self.conv0.weight), self.conv0.bias,
                                            padding=1)))
        x = functional.conv2d(x, sign(self.depth.weight), groups=6)
        x = functional.max_pool2d(sign(self.bn1(x)), (2, 2), ceil_mode=True)
        x = sign(self.bn2(functional.linear(x.flatten(1), sign(self.fc0.weight))))
        return functional.linear(x, sign(self.fc1.weight))


SPEC = """
name: described
input: {shape: [8, 7, 3], type: uint8}
ignore: [bnf]
layers:
  - {conv: 6, kernel: 3, pad: 1, batch_norm: true, name: conv0,
     state: {module: conv0, batch_norm: bn0}}
  - {depthwise: [3, 2], batch_norm: true, name: depth,
     state: {weights: depth.weight, batch_norm: bn1}}
  - {max_pool: 2}
  - flatten
  - {dense: 16, batch_norm: true, name: fc0, state: {weights: fc0.weight, batch_norm: bn2}}
  - {dense: 5, output: scores, name: fc1, state: fc1}
"""


def reference(seed: int = 0) -> Reference:
    torch.manual_seed(seed)
    model = Reference()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            count = module.num_features
            module.weight.data = torch.randn(count)
            module.bias.data = torch.randn(count)
            module.running_mean = torch.randn(count)
            module.running_var = torch.rand(count) * 50 + 1
    model.bn0.running_mean = torch.randn(6) * 200
    model.bn0.running_var = torch.rand(6) * 300_000 + 1000
    return model.eval()


def saved(folder: Path, contents: Any, spec: str = SPEC) -> tuple[Path, Path]:
    weights, layers = folder / "weights.pt", folder / "spec.yaml"
    torch.save(contents, weights)
    layers.write_text(spec)
    return weights, layers


def test_a_described_state_dict_equals_the_model(tmp_path: Path) -> None:
    model = reference()
    weights, spec = saved(tmp_path, model.state_dict())
    network = bnnhw.load(weights, layers=spec)
    x = np.random.default_rng(1).integers(0, 256, (50, 3, 8, 7))
    with torch.no_grad():
        expected = model(torch.tensor(x, dtype=torch.float32)).numpy()
    assert len(np.unique(expected, axis=0)) > 10
    assert (network.predict(x, layout="NCHW")["scores"] == expected).all()


def test_the_command_line_imports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    weights, spec = saved(tmp_path, {"epoch": 3, "model": reference().state_dict()},
                          "entry: model\n" + SPEC)
    run = caller(tmp_path, monkeypatch, capsys)
    code, _, error = run("import", weights.name, "--layers", spec.name, "-o", "net")
    assert code == 0, error
    assert (tmp_path / "net" / "net.yaml").is_file()


class Spy:
    """An object that runs a program when it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('executed')",))


def change(key: str, tensor: Any) -> dict[str, Any]:
    return {**reference().state_dict(), key: tensor}


ERRORS: dict[str, tuple[Any, str, str]] = {
    "zero weights": (change("fc1.weight", torch.zeros(5, 16)), SPEC, "80 weights that are exactly"),
    "missing tensor": ({k: v for k, v in reference().state_dict().items() if k != "fc1.weight"},
                       SPEC, "has no tensor 'fc1.weight'"),
    "unread tensor": (change("extra", torch.zeros(2)), SPEC, "no layer reads: extra"),
    "wrong shape": (change("fc0.weight", torch.ones(16, 55)), SPEC, "expected .16, 54."),
    "NaN": (change("fc1.weight", torch.full((5, 16), float("nan"))), SPEC, "NaN"),
    "huge view": (change("fc1.weight", torch.ones(1).expand(1 << 20, 1 << 20)), SPEC, "elements"),
    "sparse": (change("fc1.weight", torch.ones(5, 16).to_sparse()), SPEC, "sparse"),
    "objects": ({"spy": Spy()}, SPEC, "tensors alone"),
    "a tensor": (torch.ones(3), SPEC, "expected a state dict"),
    "no state": (reference().state_dict(), SPEC.replace("state:", "fold:"), "spec.yaml"),
    "weights key": (reference().state_dict(), "weights: w.npz\n" + SPEC, "remove the key"),
    "number": (reference().state_dict(), SPEC.replace("state: fc1", "state: 1"), "quote a number"),
    "entry": (reference().state_dict(), "entry: state\n" + SPEC, "has no entry 'state'"),
    "sign of zero": (reference().state_dict(), "sign_of_zero: 0\n" + SPEC, "expected 1 or -1"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_tensor(name: str, tmp_path: Path) -> None:
    contents, spec, message = ERRORS[name]
    weights, layers = saved(tmp_path, contents, spec)
    with pytest.raises(BnnhwError, match=message):
        bnnhw.load(weights, layers=layers)


def test_sign_of_zero(tmp_path: Path) -> None:
    """Each rule for latent weights of 0 is that of one training program."""
    state = change("fc1.weight", torch.zeros(5, 16))
    for sign in (1, -1):
        weights, layers = saved(tmp_path, state, f"sign_of_zero: {sign}\n" + SPEC)
        last = load_any(weights, bnnhw_options(layers)).layers[-1]
        assert (last.weights == (sign > 0)).all()  # type: ignore[attr-defined]


def bnnhw_options(layers: Path) -> Any:
    from bnnhw.importers.base import ImportOptions

    return ImportOptions(layers=layers)


def test_without_a_description_the_error_names_both_ways(tmp_path: Path) -> None:
    weights, _ = saved(tmp_path, reference().state_dict())
    with pytest.raises(ConfigError, match=r"torch\.onnx\.export.*layers=spec\.yaml"):
        bnnhw.load(weights)
