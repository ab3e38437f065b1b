"""Writes the networks that the benches measure: YAML files with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["FOLDER", "SHAPES", "classifier", "write_network"]

FOLDER = Path("build/bench/networks")

SHAPES = {"tfc": (64, 64, 64), "sfc": (256, 256, 256), "lfc": (1024, 1024, 1024)}
"""Hidden layers of FINN's classifiers of MNIST digits, whose input has 784 elements."""

PIXELS = "{shape: [784], type: uint8, threshold: 128}"
BITS = "{shape: [784], type: bits}"


def write_network(name: str, input_: str, layers: Sequence[str]) -> Path:
    """Write a network with random weights (seed 1) as YAML; returns the path.

    Parameters
    ----------
    name : str
        Name of the network and of its file.
    input_ : str
        YAML of the input.
    layers : sequence of str
        YAML of each layer.
    """
    path = FOLDER / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    items = "".join(f"- {layer}\n" for layer in layers)
    path.write_text(f"name: {name}\ninput: {input_}\nweights: random\nseed: 1\nlayers:\n{items}")
    return path


def classifier(name: str, input_: str = PIXELS) -> Path:
    """Write one of ``SHAPES`` with scores and a label, for pixels or for ``BITS``."""
    hidden = [f"{{dense: {width}}}" for width in SHAPES[name]]
    return write_network(name if input_ == PIXELS else f"{name}_bits", input_,
                         [*hidden, "{dense: 10, output: scores}", "argmax"])
