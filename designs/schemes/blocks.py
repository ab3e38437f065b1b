"""Trains convolutional networks of published blocks: python designs/schemes/blocks.py [NAME ...]

A stem of 16 channels on MNIST digits of 14 x 14 pixels, two blocks of binary convolutions with
shortcuts, and a head with weights of eight bits. The shortcuts are integers of eight bits in fixed
point, four of them after the point; training rounds them as the hardware does. The scales of
batch-norm become integers with twelve bits after the point, which is the only approximation;
``results.json`` counts how many labels are PyTorch's.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bnnhw.designs.schemes.digits import load
from bnnhw.designs.schemes.quantisers import signs, through
from bnnhw.designs.schemes.train import SEED, fit, save
from bnnhw.importers.network import Network, load_network

CHANNELS, FRACTION, SHIFT = 16, 4, 12
UNIT = 1 << FRACTION
EPOCHS, RATE = 25, 5e-3


def fixed(x: torch.Tensor) -> torch.Tensor:
    """Round to ``1 / UNIT``, half up, within eight bits."""
    rounded = torch.floor(x * UNIT + 0.5).clamp(-128, 127) / UNIT
    return through(rounded, x.clamp(-128 / UNIT, 127 / UNIT))


class Export:
    """Collects the items and arrays of a network while its modules describe themselves."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.arrays: dict[str, np.ndarray] = {}

    def add(self, name: str, item: dict[str, Any], **arrays: np.ndarray) -> str:
        self.items.append({**item, "name": name})
        self.arrays.update({f"{name}.{key}": value for key, value in arrays.items()})
        return name

    def scaled(self, name: str, norm: nn.BatchNorm2d, factor: float = 1.0) -> str:
        """Batch-norm of the layer before, in fixed point; ``factor`` multiplies its input."""
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        offset = norm.bias - gain * norm.running_mean
        scales = [np.rint((value * UNIT * 2 ** SHIFT).detach().double().numpy()).astype(np.int64)
                  for value in (gain * factor, offset)]
        return self.add(name, {"affine": True, "shift": SHIFT, "limits": [-128, 127]},
                        scale=scales[0], offset=scales[1])


class BinaryConv(nn.Module):
    """3 x 3 convolution with weights of -1 and +1, padded with ``pad``."""

    def __init__(self, inputs: int, outputs: int, pad: float = 0.0) -> None:
        super().__init__()
        self.pad = pad
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3).uniform_(-0.5, 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), value=self.pad), signs(self.weight))

    def rows(self) -> np.ndarray:
        """Weights as the file has them: 0/1, channels last."""
        bits = (self.weight.detach() >= 0).numpy().astype(np.uint8)
        return np.ascontiguousarray(bits.transpose(0, 2, 3, 1))

    def item(self, pad: int | str) -> dict[str, Any]:
        return {"conv": len(self.weight), "kernel": 3, "pad": 1, "pad_value": pad, "sums": True}


class BiReal(nn.Module):
    """Bi-Real Net: the sign of the shortcut is convolved, and the result is added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = BinaryConv(CHANNELS, CHANNELS), nn.BatchNorm2d(CHANNELS)

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        return fixed(r + fixed(self.norm(self.conv(signs(r)))))

    def export(self, to: Export, name: str, source: str) -> str:
        to.add(f"{name}_sign", {"threshold": True, "from": source},
               thresholds=np.zeros(CHANNELS, np.int64))
        to.add(f"{name}_conv", self.conv.item("zero"), weights=self.conv.rows())
        to.scaled(f"{name}_scale", self.norm)
        return to.add(name, {"add": source, "limits": [-128, 127]})


class ReAct(nn.Module):
    """ReActNet: the signs have learned thresholds, and an RPReLU follows each shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = BinaryConv(CHANNELS, CHANNELS), nn.BatchNorm2d(CHANNELS)
        self.shifts = nn.Parameter(torch.zeros(3, CHANNELS, 1, 1))  # of sign, before, after
        self.slope = nn.Parameter(torch.full((CHANNELS, 1, 1), 0.25))

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        threshold, before, after = fixed(self.shifts)
        sums = fixed(r + fixed(self.norm(self.conv(signs(r - threshold))))) + before
        negative = sums.clamp(max=0) * fixed(self.slope)
        rounded = through(torch.floor(negative * UNIT + 0.5) / UNIT, negative)
        return fixed(torch.where(sums >= 0, sums, rounded) + after)

    def export(self, to: Export, name: str, source: str) -> str:
        with torch.no_grad():
            integers = [(fixed(values) * UNIT).round().numpy().astype(np.int64).reshape(CHANNELS)
                        for values in (*self.shifts, self.slope)]
        threshold, before, after, slope = integers
        to.add(f"{name}_sign", {"threshold": True, "from": source}, thresholds=threshold)
        to.add(f"{name}_conv", self.conv.item("zero"), weights=self.conv.rows())
        to.scaled(f"{name}_scale", self.norm)
        to.add(f"{name}_sum", {"add": source, "limits": [-128, 127]})
        return to.add(name, {"prelu": True, "shift": FRACTION, "limits": [-128, 127]},
                      slope=slope, before=before, after=after)


class Melius(nn.Module):
    """MeliusNet: a dense block makes new channels, an improvement block corrects these alone."""

    new = 8

    def __init__(self, inputs: int = CHANNELS) -> None:
        super().__init__()
        self.inputs = inputs
        self.dense, self.dense_norm = BinaryConv(inputs, self.new), nn.BatchNorm2d(self.new)
        total = inputs + self.new
        self.improve, self.improve_norm = BinaryConv(total, self.new), nn.BatchNorm2d(self.new)

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        r = torch.cat([r, fixed(self.dense_norm(self.dense(signs(r))))], dim=1)
        better = fixed(self.improve_norm(self.improve(signs(r))))
        return torch.cat([r[:, :self.inputs], fixed(r[:, self.inputs:] + better)], dim=1)

    def export(self, to: Export, name: str, source: str) -> str:
        total = self.inputs + self.new
        to.add(f"{name}_sign", {"threshold": True, "from": source},
               thresholds=np.zeros(self.inputs, np.int64))
        to.add(f"{name}_conv", self.dense.item("zero"), weights=self.dense.rows())
        to.scaled(f"{name}_scale", self.dense_norm)
        to.add(f"{name}_both", {"concat": f"{name}_scale", "from": source})
        to.add(f"{name}_sign2", {"threshold": True}, thresholds=np.zeros(total, np.int64))
        to.add(f"{name}_conv2", self.improve.item("zero"), weights=self.improve.rows())
        to.scaled(f"{name}_scale2", self.improve_norm)
        to.add(f"{name}_better", {"add": f"{name}_scale", "limits": [-128, 127]})
        return to.add(name, {"concat": f"{name}_better", "from": source})


class FracBnn(nn.Module):
    """FracBNN: two-bit activations, whose lower bit counts only where the upper one says so."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = BinaryConv(CHANNELS, CHANNELS, -1.0), nn.BatchNorm2d(CHANNELS)
        self.gate = nn.Parameter(torch.zeros(CHANNELS))

    def forward(self, r: torch.Tensor) -> torch.Tensor:
        bounded = r.clamp(-1, 1)
        code = torch.round((bounded + 1) * 1.5)
        upper = through(torch.where(code >= 2, 1.0, -1.0), bounded)
        lower = through(2 * (code % 2) - 1, bounded)
        high, low = self.conv(upper), self.conv(lower)
        # The gradient of the gate is that of a steep sigmoid.
        soft = torch.sigmoid(high - torch.floor(self.gate)[:, None, None] - 0.5)
        gate = through((high > torch.floor(self.gate)[:, None, None]).float(), soft)
        return fixed(r + fixed(self.norm((2 * high + gate * low) / 3)))

    def export(self, to: Export, name: str, source: str) -> str:
        sums = np.arange(-128, 128) / UNIT
        code = torch.round((torch.from_numpy(sums).float().clamp(-1, 1) + 1) * 1.5).numpy()
        first = [int(np.argmax(code >= j)) - 128 for j in (1, 2, 3)]
        rows, gate = self.conv.rows(), torch.floor(self.gate.detach()).numpy().astype(np.int64)
        ones = 2 * rows.reshape(CHANNELS, -1).sum(axis=1, dtype=np.int64) - rows[0].size
        item = self.conv.item(0)
        to.add(f"{name}_code", {"threshold": True, "levels": 3, "from": source},
               thresholds=np.tile(first, (CHANNELS, 1)))
        to.add(f"{name}_sum", item, weights=rows)  # of the codes 0 to 3
        to.add(f"{name}_both", {"affine": True}, scale=np.full(CHANNELS, 2), offset=-3 * ones)
        to.add(f"{name}_upper", {"threshold": True, "from": source},
               thresholds=np.full(CHANNELS, first[1]))
        to.add(f"{name}_high", {**item, "pad_value": -1}, weights=rows)
        to.add(f"{name}_gate", {"threshold": True, "unipolar": True}, thresholds=gate + 1)
        to.add(f"{name}_minus", {"affine": True, "from": f"{name}_high"},
               scale=np.full(CHANNELS, -2), offset=np.zeros(CHANNELS, np.int64))
        to.add(f"{name}_low", {"add": f"{name}_both"})
        to.add(f"{name}_gated", {"multiply": f"{name}_gate"})
        to.add(f"{name}_twice", {"affine": True, "from": f"{name}_high"},
               scale=np.full(CHANNELS, 2), offset=np.zeros(CHANNELS, np.int64))
        to.add(f"{name}_total", {"add": f"{name}_gated"})
        to.scaled(f"{name}_scale", self.norm, 1 / 3)
        return to.add(name, {"add": source, "limits": [-128, 127]})


BLOCKS: dict[str, tuple[str, type[Any]]] = {
    "bireal": ("Bi-Real Net: shortcuts around each binary convolution", BiReal),
    "reactnet": ("ReActNet: learned thresholds, and RPReLU after each shortcut", ReAct),
    "meliusnet": ("MeliusNet: dense and improvement blocks", Melius),
    "fracbnn": ("FracBNN: gated two-bit activations", FracBnn),
}


class Net(nn.Module):
    """A stem, a max-pool, two blocks, and a head on the sums of 2 x 2 pixels."""

    def __init__(self, block: type[Any]) -> None:
        super().__init__()
        self.stem, self.norm = BinaryConv(1, CHANNELS), nn.BatchNorm2d(CHANNELS)
        self.first = block()
        self.second = block(CHANNELS + Melius.new) if block is Melius else block()
        channels = CHANNELS + 2 * Melius.new if block is Melius else CHANNELS
        self.head = nn.Parameter(torch.empty(10, 9 * channels).uniform_(-0.5, 0.5))

    @property
    def latent(self) -> list[nn.Parameter]:
        """Real weights that training keeps within -1 and 1."""
        return [self.head]

    def matrix(self) -> torch.Tensor:
        """Weights of the head: integers of eight bits without the lowest value."""
        return through(torch.round(127 * self.head).clamp(-127, 127), 127 * self.head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        r = F.max_pool2d(fixed(self.norm(self.stem(x))), 2)
        pooled = 4 * UNIT * F.avg_pool2d(self.second(self.first(r)), 2)
        sums = pooled.permute(0, 2, 3, 1).flatten(1) @ self.matrix().T
        return 3 * sums / sums.detach().std().clamp(min=1e-3)

    def export(self, name: str) -> Network:
        to = Export()
        to.add("stem", self.stem.item(0), weights=self.stem.rows())
        to.scaled("stem_scale", self.norm)
        source = to.add("pool", {"max_pool": 2})
        for key, block in (("block1", self.first), ("block2", self.second)):
            source = block.export(to, key, source)
        to.items += [{"sum_pool": 2}, "flatten"]
        to.add("scores", {"dense": 10, "weight_bits": 8, "output": "scores"},
               weights=self.matrix().detach().numpy().astype(np.int64))
        described = {"name": name, "input": {"shape": [14, 14, 1], "type": "uint8"},
                     "weights": "weights.npz", "layers": [*to.items, "argmax"]}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "net.yaml").write_text(json.dumps(described))
            np.savez(Path(folder) / "weights.npz", **to.arrays)
            return load_network(Path(folder))


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = load()
    maps = [torch.from_numpy(x.reshape(-1, 1, 14, 14)).float() for x in (train_x, test_x)]
    for name in names or BLOCKS:
        title, block = BLOCKS[name]
        torch.manual_seed(SEED)
        net = fit(Net(block), maps[0], torch.from_numpy(train_y), EPOCHS, RATE)
        with torch.no_grad():
            expected = net(maps[1]).argmax(dim=1).numpy()
        save(name, f"{title}; MNIST digits of 14 x 14 pixels", net.export(name),
             (test_x.reshape(-1, 14, 14, 1), test_y, expected),
             {"train": len(train_x), "epochs": EPOCHS, "seed": SEED})


if __name__ == "__main__":
    main(sys.argv[1:])
