"""Tests that Brevitas' examples and quantisers import exactly, from the live models."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="extra 'brevitas' is not installed: make test-torch")
pytest.importorskip("brevitas", reason="extra 'brevitas' is not installed: make test-torch")

import bnnhw
from bnnhw.errors import ModelError
from tests.live.brevitas_zoo import BREVITAS, trained
from tests.live.test_from_torch import agree, pixels_of


@pytest.mark.parametrize("name", BREVITAS)
def test_live_models_import_exactly(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    model, pixels = trained(name), pixels_of(BREVITAS[name][1])
    capfd.readouterr()
    network = bnnhw.from_brevitas(model, pixels)
    assert network.check is not None
    assert "qonnx" in network.check["executor"]
    assert "the live model" in network.check["executor"]
    assert model.training
    assert not capfd.readouterr().out
    agree(network, model, pixels, (0.0, 1.0))


def test_layers_have_the_names_of_their_modules() -> None:
    names = {layer.name for layer in bnnhw.from_brevitas(
        trained("binary quantisers"), pixels_of((3, 10, 10)), check=False).layers}
    assert {"conv0", "conv1", "fc"} <= names
    assert not any("export" in name for name in names)


def test_real_weights_are_rejected_by_the_module() -> None:
    import torch
    from brevitas.nn import QuantIdentity
    from brevitas.quant import SignedBinaryActPerTensorConst

    model = torch.nn.Sequential(QuantIdentity(act_quant=SignedBinaryActPerTensorConst),
                                torch.nn.Linear(16, 4))
    with pytest.raises(ModelError, match=r"node '1'"):
        bnnhw.from_brevitas(model, torch.zeros(1, 16))
