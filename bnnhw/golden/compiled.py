"""The golden level ``compiled``: popcounts compiled by numba (extra ``fast``).

Samples are the innermost index, and weight words and thresholds are scalars of the inner loops, so
that the compiler vectorises the loop over samples into xor, popcount and add.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from bnnhw.caches import prepare_caches
from bnnhw.errors import ToolError
from bnnhw.extras import install_command
from bnnhw.golden.packed import pack64
from bnnhw.ir import Bits, Graph, TensorType
from bnnhw.ir.layer import PackedStep

__all__ = ["Runner", "count"]

BLOCK = 512
"""Samples of a block: the words of the widest layer's block fit into the first-level cache."""


@functools.cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    prepare_caches()  # numba reads the path of its cache on import
    try:
        import numba
        from numba import types
        from numba.core import cgutils
        from numba.extending import intrinsic
    except ImportError as error:
        raise ToolError("numba is not installed", hint=install_command("fast")) from error

    @intrinsic
    def ctpop(typing: object, value: object) -> tuple[object, Callable[..., object]]:
        def codegen(context: object, builder: cgutils.ir.IRBuilder, signature: object,
                    args: Sequence[cgutils.ir.Value]) -> cgutils.ir.Value:
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


def _count_differing(a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Count differing bits: ``[words, n]``, ``[rows, words]`` -> int64 ``[n, rows]``."""
    out = np.empty((len(w), a.shape[1]), dtype=np.uint64)
    _kernels()[0](a, w, out)
    return out.T.astype(np.int64)


def count(bits: np.ndarray, weights: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Count agreeing bits in the mask, equal to ``count_agreeing``.

    With ``w1 = w & mask`` and ``w0 = ~w & mask``, twice the differing bits in the mask is
    ``ones(a xor w1) - ones(a xor w0) + ones(mask)``: outside the mask both are equal, and inside
    one of them is 0 where the other is 1.
    """
    values = np.ascontiguousarray(pack64(bits).T)
    if mask is None:
        return weights.shape[1] - _count_differing(values, pack64(weights))
    total = mask.sum(axis=1, dtype=np.int64)
    twice = _count_differing(values, pack64(weights & mask)) \
        - _count_differing(values, pack64((1 - weights) & mask)) + total
    return total - twice // 2


class _PackedBits:
    """The packed operations that layers build on (``bnnhw.ir.layer.PackedBits``), by numba."""

    def pack(self, bits: np.ndarray) -> np.ndarray:
        packed = np.packbits(bits, axis=1, bitorder="little")
        words = np.zeros((len(bits), -(-bits.shape[1] // 64) * 8), dtype=np.uint8)
        words[:, :packed.shape[1]] = packed
        return np.ascontiguousarray(words.view("<u8").T)

    def differing(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return _count_differing(values, weights)

    def threshold(self, values: np.ndarray, weights: np.ndarray,
                  limits: np.ndarray) -> np.ndarray:
        out = np.empty((-(-len(weights) // 64), values.shape[1]), dtype=np.uint64)
        acc = np.empty((4, values.shape[1]), dtype=np.uint64)
        _kernels()[1](values, weights, limits, acc, out)
        return out


class Runner:
    """Computes a chain of layers on bits packed in 64-bit words, for many samples.

    Parameters
    ----------
    graph : Graph
    steps : dict
        The packed step of each layer, by its name.
    """

    def __init__(self, graph: Graph, steps: dict[str, PackedStep]) -> None:
        self.graph = graph
        self._steps = steps
        self._types = {"input": graph.input,
                       **{layer.name: layer.out_type() for layer in graph.layers}}

    @staticmethod
    def of(graph: Graph) -> Runner | None:
        """Return the runner of a graph; None unless it is a chain of layers with packed steps."""
        sources = ["input", *(layer.name for layer in graph.layers)]
        if any(layer.sources != (source,)
               for layer, source in zip(graph.layers, sources, strict=False)):
            return None
        steps: dict[str, PackedStep] = {}
        for layer in graph.layers:
            step = layer.packed_step(_PackedBits())
            if step is None:
                return None
            steps[layer.name] = step
        return Runner(graph, steps)

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the outputs of ``x [n, *input.shape]``, equal to ``Graph.compute``."""
        blocks = [self._block(x[i:i + BLOCK]) for i in range(0, len(x), BLOCK)]
        return {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}

    def _block(self, x: np.ndarray) -> dict[str, np.ndarray]:
        bits = isinstance(self.graph.input.element, Bits)
        values = {"input": _PackedBits().pack(x.reshape(len(x), -1) > 0) if bits else x}
        for layer in self.graph.layers:
            values[layer.name] = self._steps[layer.name](values[layer.source])
        return {name: self._unpack(values[source], self._types[source])
                for name, source in self.graph.outputs}

    @staticmethod
    def _unpack(value: np.ndarray, type_: TensorType) -> np.ndarray:
        if not isinstance(type_.element, Bits):
            return value
        raw = np.ascontiguousarray(value.T).view(np.uint8)
        bits = np.unpackbits(raw, axis=1, bitorder="little")[:, :type_.size]
        return bits.astype(np.int64).reshape(-1, *type_.shape)
