"""Accounts for results of a framework that differ from the exact ones of the nodes by rounding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.threshold_search import searchable

__all__ = ["Rounding", "with_rounding"]


@dataclass(frozen=True)
class Rounding:
    """Bound of the difference between the framework's result and the exact one.

    Attributes
    ----------
    of_result : float
        Part of the largest magnitude of the result.
    of_input : float
        Part of the largest magnitude of ``input``, which is added; 0 where that does not matter.
    input : str
        Tensor that the framework's expression reads.
    """

    of_result: float
    of_input: float = 0.0
    input: str = ""

    @property
    def exact(self) -> bool:
        return self.of_result == 0 and self.of_input == 0


def with_rounding(chain: Chain, before: Chain | None, rounding: Rounding) -> Chain:
    """Add the bound to the error of a chain without nodes.

    Parameters
    ----------
    chain : Chain
    before : Chain or None
        The tensor ``rounding.input``.
    rounding : Rounding
    """
    reach = np.maximum(np.abs(chain.slope * chain.start + chain.base),
                       np.abs(chain.slope * chain.stop + chain.base))
    error = rounding.of_result * reach
    if before is not None and rounding.of_input:
        error = error + rounding.of_input * _largest(before)
    return replace(chain, error=error if chain.error is None else error + chain.error)


def _largest(chain: Chain) -> float:
    """Return the largest magnitude of a chain's values; monotonic ones have it at an end."""
    if searchable(chain):
        every = np.arange(chain.channels)
        return max(float(np.abs(chain.at(every, every * 0 + k)[0]).max())
                   for k in (0, chain.count - 1))
    return max(float(np.abs(chain.evaluate(np.float32, part)[0]).max()) for part in chain.parts())
