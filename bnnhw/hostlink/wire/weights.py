"""Image of the weights that a board loads at start-up, and its layout in the SPI flash.

The image consists of 16-bit words, low byte first. It contains the memories in the order of the
units; words of a memory are ordered by address, and each is stored as 16-bit parts, lowest part
first::

    memory 0, word 0, part 0   bits 0..15
    memory 0, word 0, part 1   bits 16..31, padded with zeros beyond the width of the word
    ...
    memory 0, word 1, part 0

In the flash, a header precedes the image, and the CRC-32 of both follows it::

    bytes 0..3     MAGIC
    bytes 4..7     length of the image in bytes, low byte first
    bytes 8..15    the first 8 bytes of the digest of the accelerator's manifest
    ...            image
    last four      CRC-32 (IEEE 802.3) of header and image, low byte first
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["CELL_WORDS", "HEADER_WORDS", "MAGIC", "PART_BITS", "LoadedMemory", "WeightImage",
           "check_weights"]

MAGIC = b"BNNW"
"""First bytes of the header."""

PART_BITS = 16
"""Bits of a word of the image, and of the memory cell that stores it."""

CELL_WORDS = 16384
"""Words of such a cell (an SPRAM of an iCE40 UltraPlus)."""

_HEADER = struct.Struct("<4sI8s")
_CRC = struct.Struct("<I")

HEADER_WORDS = _HEADER.size * 8 // PART_BITS
"""Length of the header in 16-bit words."""


@dataclass(frozen=True)
class LoadedMemory:
    """A memory whose contents are loaded at start-up.

    Attributes
    ----------
    unit : str
        The unit that reads it.
    depth : int
        Number of words.
    width : int
        Bits per word.
    """

    unit: str
    depth: int
    width: int

    @property
    def parts(self) -> int:
        """Image words per word of the memory."""
        return -(-self.width // PART_BITS)

    @property
    def length(self) -> int:
        """Image words of the entire memory."""
        return self.depth * self.parts


@dataclass(frozen=True)
class WeightImage:
    """All memory contents that one accelerator loads.

    Attributes
    ----------
    memories : tuple of LoadedMemory
        In the order in which they are loaded.
    data : bytes
        The image.
    """

    memories: tuple[LoadedMemory, ...]
    data: bytes

    @classmethod
    def of(cls, contents: Iterable[tuple[LoadedMemory, Sequence[int]]]) -> WeightImage:
        """Build the image from memories and their words.

        Raises
        ------
        ValueError
            The number of words is not the depth of the memory.
        """
        memories, data = [], bytearray()
        for memory, words in contents:
            if len(words) != memory.depth:
                raise ValueError(f"memory of '{memory.unit}' got {len(words)} words, expected "
                                 f"{memory.depth}")
            memories.append(memory)
            for word in words:
                data += word.to_bytes(memory.parts * PART_BITS // 8, "little")
        return cls(tuple(memories), bytes(data))

    @property
    def words(self) -> int:
        """Length in 16-bit words."""
        return len(self.data) * 8 // PART_BITS

    @property
    def crc(self) -> int:
        """CRC-32 of the image without its header."""
        return zlib.crc32(self.data)

    def describe(self) -> dict[str, object]:
        """Return the manifest entry: the load port, and the position of each memory."""
        return {
            "ports": "load_begin, then a word of load_data in each cycle with load_valid, until "
                     "loaded",
            "words": self.words, "bits_a_word": PART_BITS, "crc32": f"{self.crc:08x}",
            "tables": [{"unit": memory.unit, "depth": memory.depth, "width": memory.width,
                        "first_word": self.first_word(memory.unit)} for memory in self.memories],
            "order": "ROMs one after another, words by address, 16-bit parts of a word lowest "
                     "first; bytes of a file low first",
        }

    def first_word(self, unit: str) -> int:
        """Return the offset of the memory of a unit in 16-bit words."""
        names = [memory.unit for memory in self.memories]
        return sum(memory.length for memory in self.memories[:names.index(unit)])

    def flash_crc(self, digest: bytes) -> int:
        """Return the CRC-32 of header and image, which the board checks."""
        return zlib.crc32(self._header(digest) + self.data)

    def flash(self, digest: bytes) -> bytes:
        """Return the flash contents for an accelerator whose manifest has a digest."""
        return self._header(digest) + self.data + _CRC.pack(self.flash_crc(digest))

    def _header(self, digest: bytes) -> bytes:
        return _HEADER.pack(MAGIC, len(self.data), digest[:8])


def check_weights(content: bytes) -> str | None:
    """Return what is wrong with the contents of a weights file, or None if it is valid."""
    if len(content) < _HEADER.size + _CRC.size:
        return f"has {len(content)} bytes, which is too short for a weights file"
    magic, length, _ = _HEADER.unpack_from(content)
    if magic != MAGIC:
        return f"is not a weights file: it does not start with '{MAGIC.decode()}'"
    expected = _HEADER.size + length + _CRC.size
    if len(content) != expected:
        return f"has {len(content):,} bytes, but its header announces {expected:,}"
    if _CRC.unpack(content[-_CRC.size:])[0] != zlib.crc32(content[:-_CRC.size]):
        return "is damaged: its checksum is wrong"
    return None
