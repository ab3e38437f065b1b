"""Trains the networks of this folder: python designs/schemes/train.py [NAME ...]

Multilayer perceptrons 196-64-64-10 on MNIST digits of 14 x 14 pixels of 8 bits, one for each
published scheme of weights and activations. One thread and fixed seeds, so that a run can be
repeated on the same versions.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from bnnhw import golden
from bnnhw.designs.schemes.digits import load
from bnnhw.designs.schemes.quantisers import ACTIVATIONS, WEIGHTS
from bnnhw.importers.network import Network
from bnnhw.importers.save import network_files
from bnnhw.ir import Graph, Int, TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import ArgMax, Dense, Layer
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import split_values

SIZES = (196, 64, 64, 10)
EPOCHS, BATCH, RATE, SEED = 60, 100, 4e-3, 1
HERE = Path(__file__).parent


AnyNet = TypeVar("AnyNet", bound=nn.Module)


@dataclass(frozen=True)
class Scheme:
    """The weights and activations of a network, by their names in ``quantisers``.

    ``weights`` has one name for each layer.
    """

    title: str
    weights: tuple[str, str, str]
    activation: str


SCHEMES = {
    "xnor_net": Scheme("XNOR-Net: weights of one bit, one-bit activations",
                       ("binary",) * 3, "sign"),
    "dorefa_w1a2": Scheme("DoReFa-Net: weights of one bit, activations of two",
                          ("binary",) * 3, "two_bits"),
    "dorefa_w2a2": Scheme("DoReFa-Net: weights and activations of two bits",
                          ("dorefa",) * 3, "two_bits"),
    "twn": Scheme("Ternary weight network, one-bit activations", ("ternary",) * 3, "sign"),
    "ttq": Scheme("Trained ternary quantisation: two scales for each layer, one-bit activations",
                  ("trained_ternary",) * 3, "sign"),
    "rebnet1": Scheme("ReBNet with one residual level", ("binary",) * 3, "residual1"),
    "rebnet2": Scheme("ReBNet with two residual levels", ("binary",) * 3, "residual2"),
    "rebnet3": Scheme("ReBNet with three residual levels", ("binary",) * 3, "residual3"),
    "abc_net": Scheme("ABC-Net: three bases of weights, three of activations",
                      ("bases",) * 3, "three_bases"),
    "stem_head": Scheme("Weights of eight bits in the first and the last layer, one bit between",
                        ("eight_bits", "binary", "eight_bits"), "sign"),
}


class Net(nn.Module):
    """Linear layers of quantised weights with batch-norm and quantised activations between."""

    def __init__(self, scheme: Scheme) -> None:
        super().__init__()
        self.scheme = scheme
        self.activation = ACTIVATIONS[scheme.activation]
        pairs = list(itertools.pairwise(SIZES))
        self.weights = nn.ParameterList(torch.empty(b, a).uniform_(-0.5, 0.5) for a, b in pairs)
        self.weight_scales = nn.ParameterList(torch.tensor([1.0, 0.6, 0.3]) for _ in pairs)
        self.scales = nn.ParameterList(torch.tensor([1.0, 0.45, 0.2]) for _ in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm1d(b) for _, b in pairs)

    @property
    def latent(self) -> list[nn.Parameter]:
        """Real weights that training keeps within -1 and 1."""
        return list(self.weights)

    def matrix(self, k: int) -> torch.Tensor:
        """Integer weights of layer k."""
        return WEIGHTS[self.scheme.weights[k]](self.weights[k], self.weight_scales[k])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = len(self.weights) - 1
        for k in range(last):
            x = self.activation.values(self.norms[k](x @ self.matrix(k).T), self.scales[k])
        sums = x @ self.matrix(last).T
        # One scale of all scores changes no label.
        return 3 * sums / sums.detach().std().clamp(min=1e-3)


def fit(net: AnyNet, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float) -> AnyNet:
    """Train a network on pixels of 0 to 255 and classes ``[n]``.

    Its property ``latent`` lists the weights that are clipped to -1..1 after each step.
    """
    generator = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate,
                                                   total_steps=epochs * (len(x) // BATCH))
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            for weight in net.latent:
                weight.data.clamp_(-1, 1)
    return net.eval()


def export(name: str, net: Net) -> tuple[Graph, list[Certificate]]:
    """Convert a network: its thresholds are those of PyTorch's own expression."""
    input_ = TensorType((SIZES[0],), Int(0, 255))
    type_, source, planes = input_, "input", list[int]()
    layers: list[Layer] = []
    certificates = []
    for k in range(len(net.weights) - 1):
        values = _matrix(net, k)
        falling, thresholds = _thresholds(net, k, *_range(values, type_, planes))
        values[falling] *= -1
        layers.append(_dense(f"fc{k}", source, type_, values, planes, thresholds))
        certificates.append(Certificate(
            f"fc{k}", "PyTorch's batch-norm and quantiser, float32, by bisection of all sums",
            len(values), int(falling.size), int(falling.sum())))
        type_, source = layers[-1].out_type(), f"fc{k}"
        with torch.no_grad():
            planes = net.activation.planes(net.scales[k])
    layers.append(_dense("scores", source, type_, _matrix(net, len(net.weights) - 1), planes, None))
    layers.append(ArgMax("label", "scores", layers[-1].out_type()))
    return Graph(name, input_, tuple(layers), (("scores", "scores"), ("label", "label"))), \
        certificates


def _matrix(net: Net, k: int) -> np.ndarray:
    with torch.no_grad():
        return net.matrix(k).numpy().astype(np.int64)


def _range(values: np.ndarray, type_: TensorType, planes: list[int]) -> tuple[int, int]:
    """Lowest and highest sum of all rows."""
    low, high = (-sum(planes), sum(planes)) if planes else (type_.element.lo, type_.element.hi)
    products = np.stack([values * low, values * high])
    return int(products.min(axis=0).sum(axis=1).min()), int(products.max(axis=0).sum(axis=1).max())


def _thresholds(net: Net, k: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Find where the codes of layer k change.

    Returns
    -------
    falling : bool [rows]
        The code falls where the sum rises; the thresholds are those of the negative sum.
    thresholds : int64 [rows, J]
    """
    def codes(sums: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            column = torch.from_numpy(sums).float()[None]
            return net.activation.codes(net.norms[k](column), net.scales[k])[0].numpy()

    rows = len(net.weights[k])
    falling = codes(np.full(rows, high)) < codes(np.full(rows, low))
    sign = np.where(falling, -1, 1)
    found = []
    for level in range(1, net.activation.levels + 1):
        below = np.where(falling, -high, low) - 1  # its code is less than the level
        above = np.where(falling, -low, high) + 1  # its code is at least the level, or none is
        while (above - below > 1).any():
            middle = (below + above) // 2
            reached = codes(sign * middle) >= level
            below, above = np.where(reached, below, middle), np.where(reached, middle, above)
        found.append(above)
    return falling, np.stack(found, axis=1)


def _dense(name: str, source: str, type_: TensorType, values: np.ndarray, planes: list[int],
           thresholds: np.ndarray | None) -> Dense:
    """A layer of integer weights, whose input codes mean the sum of ``planes``."""
    split = split_values(values)
    scales, coefficients, const = planes_sum(split, type_.element)
    if planes:
        unit = math.gcd(*split.scales)
        coefficients = tuple(2 * unit * p for p in planes)
        const = -sum(planes) * (np.array(split.scales) @ split.used)
    return Dense(name, source, type_, split.bits, coefficients, const, thresholds, scales=scales,
                 mask=split.mask)


def save(name: str, title: str, network: Network,
         held_out: tuple[np.ndarray, np.ndarray, np.ndarray], run: dict[str, object]) -> None:
    """Write a network and the results of its training to the folder ``name``.

    ``held_out`` are samples, their true labels, and the labels that PyTorch gives.
    """
    x, y, expected = held_out
    labels = golden.run(network.graph, x)["label"]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    for file, data in network_files(network).items():
        (folder / file).write_bytes(data)
    correct, equal = int((labels == y).sum()), int((labels == expected).sum())
    results = {"title": title, "accuracy_percent": 100 * correct / len(x), "held_out": len(x),
               "correct": correct, "labels_equal_to_pytorch": equal, **run,
               "torch": torch.__version__.split("+")[0], "network_sha256": network.graph.digest()}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"{name}: {100 * correct / len(x)} %, {equal} of {len(x)} labels equal PyTorch's",
          flush=True)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = load()
    for name in names or SCHEMES:
        torch.manual_seed(SEED)
        net = fit(Net(SCHEMES[name]), torch.from_numpy(train_x).float(),
                  torch.from_numpy(train_y), EPOCHS, RATE)
        graph, certificates = export(name, net)
        with torch.no_grad():
            expected = net(torch.from_numpy(test_x).float()).argmax(dim=1).numpy()
        save(name, f"{SCHEMES[name].title}; MNIST digits of 14 x 14 pixels, 196-64-64-10",
             Network(graph, {}, tuple(certificates)), (test_x, test_y, expected),
             {"train": len(train_x), "epochs": EPOCHS, "seed": SEED})


if __name__ == "__main__":
    main(sys.argv[1:])
