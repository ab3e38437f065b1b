"""Popcounts compiled by numba (extra ``fast``): samples are the innermost, vectorised index.

Weight words and thresholds are scalars of the inner loops, so that the compiler turns the loop
over samples into vector xor, popcount and add.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from bnnhw.caches import prepare_caches
from bnnhw.errors import ToolError
from bnnhw.extras import install_command
from bnnhw.golden.packed import pack64
from bnnhw.ir import Graph
from bnnhw.layers import Affine, ArgMax, Binarize, Dense

__all__ = ["Runner", "count"]

BLOCK = 512
"""Samples a block: one block of the widest layer's words stays in the first-level cache."""


@functools.cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    prepare_caches()  # numba reads where its own is when it is imported
    try:
        import numba
        from numba import types
        from numba.core import cgutils
        from numba.extending import intrinsic
    except ImportError as error:
        raise ToolError("numba is not installed", hint=install_command("fast")) from error

    @intrinsic
    def ctpop(typing: Any, value: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            word = args[0].type
            function = cgutils.get_or_insert_function(
                builder.module, cgutils.ir.FunctionType(word, [word]), f"llvm.ctpop.{word}")
            return builder.call(function, args)
        return types.uint64(types.uint64), codegen

    @numba.njit(cache=True)
    def count(a, w, out):  # type: ignore[no-untyped-def]
        """``out[row, i] = ones(a[:, i] xor w[row])`` for one block of samples."""
        for row in range(w.shape[0]):
            line = out[row]
            line[:] = 0
            for k in range(w.shape[1]):
                word = w[row, k]
                values = a[k]
                for i in range(line.shape[0]):
                    line[i] += ctpop(values[i] ^ word)

    @numba.njit(cache=True)
    def threshold(a, w, limit, acc, out):  # type: ignore[no-untyped-def]
        """Bits of one block: bit ``row % 64`` of ``out[row // 64, i]`` is set where the ones of
        ``a xor w`` are at most ``limit[row]``, which is popcount >= T. Four rows share each
        load of ``a``."""
        rows = w.shape[0]
        out[:] = 0
        for base in range(0, rows, 4):
            last = rows - 1
            r1, r2, r3 = min(base + 1, last), min(base + 2, last), min(base + 3, last)
            a0, a1, a2, a3 = acc[0], acc[1], acc[2], acc[3]
            a0[:] = 0
            a1[:] = 0
            a2[:] = 0
            a3[:] = 0
            for k in range(w.shape[1]):
                values = a[k]
                w0, w1, w2, w3 = w[base, k], w[r1, k], w[r2, k], w[r3, k]
                for i in range(values.shape[0]):
                    value = values[i]
                    a0[i] += ctpop(value ^ w0)
                    a1[i] += ctpop(value ^ w1)
                    a2[i] += ctpop(value ^ w2)
                    a3[i] += ctpop(value ^ w3)
            for j in range(min(4, rows - base)):
                row = base + j
                line, bound, shift = acc[j], limit[row], np.uint64(row % 64)
                word = out[row // 64]
                for i in range(line.shape[0]):
                    word[i] |= np.uint64(np.int64(line[i]) <= bound) << shift
    return count, threshold


def _ones(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """``[words, n]``, ``[rows, words]`` -> differing bits int64 ``[n, rows]``."""
    out = np.empty((len(w), a.shape[1]), dtype=np.uint64)
    _kernels()[0](a, w, out)
    return out.T.astype(np.int64)


def count(bits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count agreeing bits, equal to ``count_agreeing``: ``[N, in]``, ``[rows, in]`` -> int64."""
    return weights.shape[1] - _ones(np.ascontiguousarray(pack64(bits).T), pack64(weights))


class Runner:
    """A whole network kept in packed form between its layers, for campaigns of many samples.

    Parameters
    ----------
    graph : Graph
        One that ``takes`` accepts.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._limits: dict[str, np.ndarray] = {}
        self._weights: dict[str, np.ndarray] = {}
        for layer in graph.layers:
            if isinstance(layer, Dense):
                self._weights[layer.name] = pack64(layer.weights[0])
                if layer.thresholds is not None:
                    # const + c * (N - ones) >= T  <=>  ones <= N - ceil((T - const) / c)
                    need = layer.thresholds[:, 0] - layer.const
                    self._limits[layer.name] = layer.fan_in + (-need // layer.coefficients[0])

    @staticmethod
    def takes(graph: Graph) -> bool:
        """Whether every layer stays packed: a chain of dense layers of one plane, with at most
        one threshold a channel."""
        sources = ["input", *(layer.name for layer in graph.layers)]
        return all(
            layer.sources == (source,) and isinstance(layer, (Affine, ArgMax, Binarize, Dense))
            and (not isinstance(layer, Dense) or (layer.planes == 1 and (
                layer.thresholds is None or layer.thresholds.shape[1] == 1)))
            for layer, source in zip(graph.layers, sources, strict=False))

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the outputs of ``x [n, *input.shape]``, equal to ``Graph.compute``."""
        blocks = [self._block(x[i:i + BLOCK]) for i in range(0, len(x), BLOCK)]
        return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}

    def _block(self, x: np.ndarray) -> dict[str, np.ndarray]:
        n = len(x)
        values: dict[str, np.ndarray] = {"input": x.reshape(n, -1)}
        first = self.graph.layers[0]
        if isinstance(first, Dense):
            values["input"] = self._pack(values["input"] > 0)
        for layer in self.graph.layers:
            value = values[layer.source]
            if isinstance(layer, Binarize):
                values[layer.name] = self._pack(value >= layer.threshold)
            elif isinstance(layer, Dense) and layer.thresholds is not None:
                out = np.empty((-(-layer.outputs // 64), n), dtype=np.uint64)
                acc = np.empty((4, n), dtype=np.uint64)
                _kernels()[1](value, self._weights[layer.name], self._limits[layer.name], acc, out)
                values[layer.name] = out
            elif isinstance(layer, Dense):
                p = layer.fan_in - _ones(value, self._weights[layer.name])
                values[layer.name] = layer.accumulate(p[:, None, :])
            else:
                values[layer.name] = layer.compute(value)
        return {name: self._unpack(values[source], source)
                for name, source in self.graph.outputs}

    @staticmethod
    def _pack(bits: np.ndarray) -> np.ndarray:
        """``[n, L]`` booleans to words ``[ceil(L/64), n]``."""
        packed = np.packbits(bits, axis=1, bitorder="little")
        words = np.zeros((len(bits), -(-bits.shape[1] // 64) * 8), dtype=np.uint8)
        words[:, :packed.shape[1]] = packed
        return np.ascontiguousarray(words.view("<u8").T)

    def _unpack(self, value: np.ndarray, name: str) -> np.ndarray:
        layer = self.graph.layer(name)
        if isinstance(layer, ArgMax) or value.dtype != np.uint64:
            return value
        raw = np.ascontiguousarray(value.T).view(np.uint8)
        bits = np.unpackbits(raw, axis=1, bitorder="little")
        return bits[:, :layer.out_type().size].astype(np.int64)
