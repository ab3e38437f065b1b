"""Writes random models as HDF5 files, to compare the executor with TensorFlow on many of them.

    python -m tests.importers.keras.random_files FOLDER 500
    python tests/importers/keras/models/compare_random_files.py FOLDER

The first command needs bnnhw, the second one TensorFlow, larq and qkeras.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings

from bnnhw.importers.keras.importer import load_keras
from tests.importers.keras.files import Layer, sequential, write_hdf5
from tests.importers.keras.strategies import Model, models
from tests.importers.keras.test_layers import MAPS, SIGNALS

SAMPLES = 6


def write(path: Path, shape: tuple[int, ...], layers: list[Layer]) -> None:
    """Write a model, and samples with the results of the executor in an .npz of the same name."""
    write_hdf5(path, sequential(shape, layers), layers)
    pixels = np.random.default_rng(len(layers)).integers(0, 256, (SAMPLES, *shape))
    x = pixels.astype(np.float32) / np.float32(255)
    graph = load_keras(path)
    np.savez(path.with_suffix(".npz"), x=x, y=graph.run(x)[graph.outputs[0]])


def main(folder: Path, count: int) -> None:
    """Write the models of ``test_layers``, and a number of random ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for shape, group in (((8, 8, 3), MAPS), ((12, 2), SIGNALS)):
        for name, layers in group.items():
            write(folder / f"{len(shape)}_{''.join(c for c in name if c.isalnum())}.h5", shape,
                  layers)
    written = 0

    @given(model=models())
    @settings(max_examples=count, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))
    def draw(model: Model) -> None:
        nonlocal written
        written += 1
        write(folder / f"random_{written}.h5", model.input_shape, model.layers)

    draw()
    print(f"wrote {len(list(folder.glob('*.h5')))} models to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
