"""Adapts user-specified folds to layers that passes have shrunk."""

from __future__ import annotations

from dataclasses import replace

from bnnhw.config.hints import Hints
from bnnhw.dataflow.folding import Fold, Matrix, check_fold
from bnnhw.ir import Graph
from bnnhw.layers import Product

__all__ = ["fit_hints"]


def fit_hints(hints: Hints, written: Graph, reduced: Graph) -> Hints:
    """Check folds against the original layers, and reduce them where a pass made a layer smaller.

    Parameters
    ----------
    hints : dict
        Folds and memories by the name of their layer.
    written, reduced : Graph
        The network before and after the passes.

    Raises
    ------
    PlanError
        A fold is larger than its layer in the original network.
    """
    fitted = {}
    for name, hint in hints.items():
        before, after = written.layer(name), reduced.layer(name)
        assert isinstance(before, Product)
        assert isinstance(after, Product)
        check_fold(Matrix(name, _rows(before), before.fan_in, 1),
                   Fold(_given(hint.pe), _given(hint.simd)))
        fitted[name] = replace(hint, pe=_cut(hint.pe, _rows(after)),
                               simd=_cut(hint.simd, after.fan_in))
    return fitted


def _rows(layer: Product) -> int:
    """Rows that a fold divides: of a group, or all channels of a depthwise layer."""
    return layer.outputs if layer.groups == layer.outputs else layer.outputs // layer.groups


def _given(value: int | None) -> int:
    return 1 if value is None else value


def _cut(value: int | None, limit: int) -> int | None:
    return None if value is None else min(value, limit)
