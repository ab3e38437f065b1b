"""Trains the network of this folder: python designs/mnist_tfc/train.py

A 784-64-64-64-10 multilayer perceptron with binary weights, activations and input, in plain
PyTorch: sign in the forward pass, the straight-through estimator of Hubara et al. (2016) in the
backward pass. One thread and fixed seeds, so that a run can be repeated on the same versions.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import torch
from digits import load
from torch import nn

from bnnhw import golden
from bnnhw.importers.network import Network
from bnnhw.importers.save import network_files
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import ArgMax, Binarize, Dense, Layer
from bnnhw.layers.building.fold import fold_table

SIZES = (784, 64, 64, 64, 10)
THRESHOLD = 128
EPOCHS, BATCH, RATE, SEED = 300, 100, 6e-3, 1
HERE = Path(__file__).parent


class Sign(torch.autograd.Function):
    """+1 for x >= 0, else -1; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class BinaryLinear(nn.Module):
    """A linear layer with weights of +-1, which are the signs of real latent weights."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-0.5, 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ Sign.apply(self.weight).T


class Net(nn.Module):
    """Binary linear layers with batch normalisation and sign between them, and real logits."""

    def __init__(self) -> None:
        super().__init__()
        self.matrices = nn.ModuleList(BinaryLinear(a, b)
                                      for a, b in itertools.pairwise(SIZES))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) for n in SIZES[1:-1])
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for matrix, norm in zip(self.matrices, self.norms, strict=False):
            x = Sign.apply(norm(matrix(x)))
        return self.matrices[-1](x) * self.scale.abs()


def augment(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift each digit by up to two pixels in each direction: float32 ``[n, 784]``."""
    images = nn.functional.pad(x.view(-1, 28, 28), (2, 2, 2, 2), value=-1.0)
    shifts = torch.randint(0, 5, (len(x), 2), generator=generator)
    out = torch.stack([images[k, dy:dy + 28, dx:dx + 28]
                       for k, (dy, dx) in enumerate(shifts.tolist())])
    return out.reshape(-1, 784)


def train(x: torch.Tensor, y: torch.Tensor) -> Net:
    """Train on pixels ``x`` of +-1, ``[n, 784]``, and classes ``y``, ``[n]``."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = nn.functional.cross_entropy(net(augment(x[batch], generator)), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            for matrix in net.matrices:
                matrix.weight.data.clamp_(-1, 1)
            total += loss.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / (len(x) // BATCH):.3f}", flush=True)
    return net.eval()


def export(net: Net) -> tuple[Graph, list[Certificate]]:
    """Convert the network; thresholds are those of PyTorch's batch-norm at every possible sum."""
    type_ = TensorType((SIZES[0],), Int(0, 255))
    layers: list[Layer] = [Binarize("pixels", "input", type_, THRESHOLD)]
    certificates = []
    for k, matrix in enumerate(net.matrices):
        weights = (matrix.weight.detach().numpy() >= 0).astype(np.uint8)
        rows, columns = weights.shape
        source, bits_type = layers[-1].name, TensorType((columns,), Bits())
        if k == len(net.norms):
            layers.append(Dense("scores", source, bits_type, weights[None], (2,),
                                np.full(rows, -columns, np.int64), None))
            break
        sums = torch.arange(-columns, columns + 1, 2, dtype=torch.float32)[:, None]
        with torch.no_grad():
            values = net.norms[k](sums.expand(-1, rows)).numpy()
        fold = fold_table(values >= 0, f"fc{k}")
        certificates.append(Certificate(
            f"fc{k}", "PyTorch's batch-norm, float32, at all sums", rows, columns + 1,
            int(fold.complemented.sum()), int(fold.constant.sum()), int((values == 0).sum())))
        layers.append(Dense(f"fc{k}", source, bits_type, fold.apply(weights)[None], (1,),
                            np.zeros(rows, np.int64), fold.thresholds[:, None]))
    layers.append(ArgMax("label", "scores", layers[-1].out_type()))
    graph = Graph("mnist_tfc", type_, tuple(layers), (("scores", "scores"), ("label", "label")))
    return graph, certificates


def main() -> None:
    torch.set_num_threads(1)
    train_x, train_y, test_x, test_y = load()
    bits = torch.from_numpy(np.where(train_x >= THRESHOLD, 1.0, -1.0).astype(np.float32))
    net = train(bits, torch.from_numpy(train_y))
    graph, certificates = export(net)
    correct = int((golden.run(graph, test_x)["label"] == test_y).sum())
    with torch.no_grad():
        test_bits = torch.from_numpy(np.where(test_x >= THRESHOLD, 1.0, -1.0).astype(np.float32))
        agreeing = int((net(test_bits).argmax(dim=1).numpy()
                        == golden.run(graph, test_x)["label"]).sum())
    for name, data in network_files(Network(graph, {}, tuple(certificates))).items():
        (HERE / name).write_bytes(data)
    results = {
        "title": "MNIST digits, 784-64-64-64-10, one bit throughout",
        "accuracy_percent": 100 * correct / len(test_x), "held_out": len(test_x),
        "correct": correct, "labels_equal_to_pytorch": agreeing, "train": len(train_x),
        "epochs": EPOCHS, "seed": SEED, "torch": torch.__version__.split("+")[0],
        "network_sha256": graph.digest(),
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
