"""Reads the window of a Conv or pool node: kernel, strides, dilations and pads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layout import check_size
from bnnhw.importers.onnx.model_file import Attributes, attributes, node_label
from bnnhw.ir import Window
from bnnhw.ir.types import MAX_WINDOW_ELEMENTS

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["MAX_SIZE", "node_window"]

MAX_SIZE = 1 << 16
"""Maximum of each number of a window: kernel, stride, dilation and pad."""


def node_window(node: NodeProto, chain: Chain, kernel: list[int],
                padded: tuple[int, ...] = ()) -> Window:
    """Read the window of a node over a map or a signal, and check the sizes that it leads to.

    Parameters
    ----------
    node : NodeProto
    chain : Chain
        Its input, channels first.
    kernel : list of int
        Rows and columns, or rows only.
    padded : tuple of int
        Padding of a Pad node before it, starts and then ends.
    """
    label, options = node_label(node), attributes(node)
    axes = len(kernel)
    if axes not in (1, 2) or len(chain.type.shape) != axes + 1:
        raise ModelError(f"has a kernel of {axes} axes for {chain.type}, expected 1 for a signal "
                         "or 2 for a map", where=label)
    size = list(chain.type.shape[:-1])
    strides = _numbers(options.get("strides"), axes, 1, label, "strides")
    dilations = _numbers(options.get("dilations"), axes, 1, label, "dilations")
    _check(kernel, 1, label, "kernel")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = _pads(options, size, reach, strides, label)
    if any(padded):
        if any(pads):
            raise ModelError("pads a tensor that a Pad node pads, too", where=label,
                             hint="train with one of the two paddings")
        pads = list(padded)
    _check(pads, 0, label, "pads")
    if options.get("ceil_mode"):
        more = [_ceil_pad(size[k], pads[k], pads[k + axes], reach[k], strides[k])
                for k in range(axes)]
        if any(more) and node.op_type != "MaxPool":
            raise ModelError("has ceil_mode = 1 and windows that reach over the border, where it "
                             "averages fewer pixels than inside, which is not supported",
                             where=label, hint="train again with ceil_mode = 0")
        pads = [*pads[:axes], *(pads[axes + k] + more[k] for k in range(axes))]
    starts, ends = pads[:axes], pads[axes:]
    if axes == 1:
        window = Window((kernel[0], 1), (strides[0], 1), (dilations[0], 1),
                        (starts[0], 0, ends[0], 0))
    else:
        window = Window((kernel[0], kernel[1]), (strides[0], strides[1]),
                        (dilations[0], dilations[1]), (starts[0], starts[1], ends[0], ends[1]))
    height, width, channels = chain.type.map
    out = window.out_size(height, width)
    if min(out) < 1:
        raise ModelError(f"has a window of {reach}, which is larger than its map of {size}",
                         where=label)
    check_size((*window.padded_size(height, width), channels), label)
    check_size((*out, channels), label)
    elements = out[0] * out[1] * window.taps * channels
    if elements > MAX_WINDOW_ELEMENTS:
        raise ModelError(f"its windows have {elements} elements in all, expected at most "
                         f"{MAX_WINDOW_ELEMENTS}", where=label)
    return window


def _ceil_pad(size: int, start: int, end: int, reach: int, stride: int) -> int:
    """Return the padding at the end of an axis that the last window of ``ceil_mode`` needs.

    A window that would begin after the map does not exist (ONNX MaxPool; PyTorch is alike).
    """
    last = -(-(size + start + end - reach) // stride) * stride  # where the last window begins
    if last >= size + start:
        last -= stride
    return max(0, last + reach - (size + start + end))


def _pads(options: Attributes, size: list[int], reach: list[int], strides: list[int],
          label: str) -> list[int]:
    axes = len(size)
    mode = options.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return _numbers(options.get("pads"), 2 * axes, 0, label, "pads")
    if mode == "VALID":
        return [0] * (2 * axes)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise ModelError(f"has auto_pad = {mode}, expected NOTSET, VALID or SAME", where=label)
    total = [max((-(-n // s) - 1) * s + r - n, 0)
             for n, r, s in zip(size, reach, strides, strict=True)]
    less, more = [t // 2 for t in total], [t - t // 2 for t in total]
    return less + more if mode == "SAME_UPPER" else more + less


def _numbers(values: Sequence[int] | None, count: int, otherwise: int, label: str,
             what: str) -> list[int]:
    numbers = [otherwise] * count if values is None else [int(v) for v in values]
    if len(numbers) != count:
        raise ModelError(f"has {len(numbers)} {what}, expected {count}", where=label)
    _check(numbers, min(otherwise, 1), label, what)
    return numbers


def _check(numbers: list[int], least: int, label: str, what: str) -> None:
    if any(not least <= n <= MAX_SIZE for n in numbers):
        raise ModelError(f"has {what} {numbers}, expected {least} to {MAX_SIZE}", where=label)
