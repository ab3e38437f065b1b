"""Tests that a new input format is one file and one registration, by adding one here.

The format is a text file of binary weights: the first line is ``bits N``, each further line is a
dense layer with one row of ``+`` and ``-`` per output, separated by spaces. Every layer but the
last has the sign of its sum as its output.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bnnhw.errors import ConfigError
from bnnhw.importers import registry
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.registry import find_importer, load_any, load_native, register
from bnnhw.ir import Bits, Graph, TensorType
from bnnhw.layers import Dense, Layer, product_sum
from tests.cli.inside import caller

TEXT = """bits 4
+-+- ++-- -+++
++- +--
"""


class SignTextImporter:
    """Reads ``.signs`` files."""

    name = "sign_text"
    title = "a text of signs"
    suffixes = (".signs",)
    native = False

    def accepts(self, path: Path) -> bool:
        return path.suffix in self.suffixes

    def load(self, path: Path, options: ImportOptions) -> Network:
        head, *rows = path.read_text().splitlines()
        type_ = TensorType((int(head.removeprefix("bits ")),), Bits())
        layers: list[Layer] = []
        for k, row in enumerate(rows):
            weights = np.array([[sign == "+" for sign in word] for word in row.split()], np.uint8)
            last = k == len(rows) - 1
            coefficients, const = product_sum(weights, Bits()) if last else (
                (1,), np.zeros(len(weights), np.int64))
            half = np.full((len(weights), 1), (type_.size + 1) // 2)
            layers.append(Dense(f"fc{k}", layers[-1].name if layers else "input", type_,
                                weights[None], coefficients, const, None if last else half))
            type_ = layers[-1].out_type()
        graph = Graph(options.name_for(path), layers[0].input, tuple(layers),
                      (("scores", layers[-1].name),))
        return Network(graph, {}, (), notes=("signs are read as weights",))


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Path]:
    """A file of the new format, with its importer registered."""
    register(SignTextImporter())
    path = tmp_path / "tiny.signs"
    path.write_text(TEXT)
    yield path
    del registry._REGISTERED["sign_text"]


def test_the_library_loads_it(model: Path) -> None:
    network = load_any(model)
    assert network.graph.name == "tiny"
    x = np.array([[1, 0, 1, 0], [0, 0, 1, 1]])
    signs, first = 2 * x - 1, np.array([[1, -1, 1, -1], [1, 1, -1, -1], [-1, 1, 1, 1]])
    hidden = np.where(signs @ first.T >= 0, 1, -1)
    expected = hidden @ np.array([[1, 1, -1], [1, -1, -1]]).T
    assert (network.graph.compute(x)["scores"] == expected).all()


def test_check_and_import_read_it(model: Path, monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    run = caller(model.parent, monkeypatch, capsys)
    code, out, _ = run("check", model.name, "--json")
    assert code == 0
    assert [layer["kind"] for layer in json.loads(out)["layers"]] == ["dense", "dense"]
    code, out, _ = run("import", model.name, "-o", "net", "--json")
    assert code == 0
    assert json.loads(out)["notes"] == ["signs are read as weights"]
    saved, loaded = load_network(model.parent / "net"), load_any(model)
    assert saved.notes == ("signs are read as weights",)
    assert saved.graph.name == "net"
    x = np.arange(64).reshape(16, 4) % 3 % 2
    assert (saved.graph.compute(x)["scores"] == loaded.graph.compute(x)["scores"]).all()


def test_messages_name_the_format(model: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a text of signs, expected a network.*import"):
        load_native(model)
    other = model.with_name("tiny.other")
    other.write_text(TEXT)
    with pytest.raises(ConfigError, match=r"unknown format.*\.signs"):
        find_importer(other)
    with pytest.raises(ConfigError, match=r"folder without a net.yaml.*tiny\.signs"):
        find_importer(model.parent)


def test_a_name_is_registered_once(model: Path) -> None:
    with pytest.raises(ValueError, match="sign_text"):
        register(SignTextImporter())
