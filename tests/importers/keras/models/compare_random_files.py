"""Compares the results in a folder of ``random_files`` with TensorFlow, larq and qkeras.

    python compare_random_files.py FOLDER

Prints the models whose results differ by more than float rounding, and exits with 1 if there are
any.
"""

from __future__ import annotations

import sys
from pathlib import Path

import larq  # noqa: F401  registers its layers
import numpy as np
import qkeras.utils
import tensorflow as tf

ROUNDING = 1e-5
"""Largest difference, relative to the largest result."""


def main(folder: Path) -> int:
    """Compare all models; return the number of those that differ."""
    classes: dict[str, type] = {}
    qkeras.utils._add_supported_quantized_objects(classes)
    worst, differ, files = 0.0, 0, sorted(folder.glob("*.h5"))
    for path in files:
        with np.load(path.with_suffix(".npz")) as file:
            x, y = file["x"], file["y"]
        model = tf.keras.models.load_model(path, custom_objects=classes, compile=False)
        expected = model(x, training=False).numpy()
        error = float(np.abs(expected - y).max() / max(np.abs(expected).max(), 1e-9))
        worst = max(worst, error)
        if error > ROUNDING:
            differ += 1
            print(f"{path.name} differs by {error:.3g}", flush=True)
    print(f"{len(files)} models compared, {differ} differ; largest difference {worst:.3g}")
    return differ


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]))))
