"""Converts tensors to stream words, and weights to memory words, in the hardware's bit order.

Element 0 of a word is in its least significant bits. The last word of a frame is padded with
zeros; padded weight columns are 1, so that XNOR with a padded 0 adds nothing; padded rows have
weights 1 and a start value with which they are never active.
"""

from __future__ import annotations

import numpy as np

__all__ = ["beats", "channel_words", "pack_integers", "pack_words", "stream_values",
           "stream_words", "word_bytes"]


def beats(elements: int, lanes: int) -> int:
    """Words of a frame of ``elements``, with ``lanes`` elements per word."""
    return -(-elements // lanes)


def word_bytes(bits: int) -> int:
    """Bytes of a stream word; AXI4-Stream pads words to bytes."""
    return -(-bits // 8)


def stream_words(values: np.ndarray, lanes: int, width: int) -> np.ndarray:
    """Pack frames ``[n, L]`` into words: uint8 ``[n, beats, bytes]``, little endian.

    Parameters
    ----------
    values : integer array [n, L]
        Negative values are written in two's complement of ``width`` bits.
    lanes : int
        Elements per word.
    width : int
        Bits per element, 1 to 63.
    """
    n, length = values.shape
    count = beats(length, lanes)
    padded = np.zeros((n, count * lanes), dtype=values.dtype)
    padded[:, :length] = values
    if width == 8:
        return padded.astype(np.uint8).reshape(n, count, lanes)
    if width == 1:
        bits = (padded & 1).astype(np.uint8)
    else:
        wide = padded[:, :, None].astype(np.int64)
        bits = ((wide >> np.arange(width)) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(n, count, lanes * width), axis=2, bitorder="little")


def stream_values(words: np.ndarray, length: int, lanes: int, width: int,
                  signed: bool, first_bit: int = 0) -> np.ndarray:
    """Unpack words ``[n, beats, bytes]`` into int64 ``[n, length]``, from ``first_bit`` of each."""
    n, count, _ = words.shape
    bits = np.unpackbits(words, axis=2, bitorder="little")
    bits = bits[:, :, first_bit:first_bit + lanes * width].reshape(n, count * lanes, width)
    weights = np.int64(1) << np.arange(width, dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return (bits[:, :length].astype(np.int64) @ weights).reshape(n, length)


def pack_words(bits: np.ndarray) -> list[int]:
    """Memory words of bits ``[depth, width]``, bit 0 lowest."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def pack_integers(values: np.ndarray, width: int) -> list[int]:
    """Memory words of integers ``[depth, lanes]``, lane 0 lowest, in two's complement."""
    mask = (1 << width) - 1
    return [sum((int(v) & mask) << (k * width) for k, v in enumerate(row)) for row in values]


def channel_words(values: np.ndarray, lanes: int, fill: int = 0) -> np.ndarray:
    """Values of channels ``[C, ...]`` as the words of a pixel ``[words, lanes, ...]``."""
    words = beats(len(values), lanes)
    padded = np.full((words * lanes, *values.shape[1:]), fill, dtype=np.int64)
    padded[:len(values)] = values
    return padded.reshape(words, lanes, *values.shape[1:])
