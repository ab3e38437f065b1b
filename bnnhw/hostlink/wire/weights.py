"""Weights that a board loads at start-up: which tables, in which order, and how they lie in flash.

The image is 16-bit words, low byte first. The tables follow each other in the order of the units;
in a table, words come by address, and each as its 16-bit parts, the lowest first::

    table 0, word 0, part 0   bits 0..15
    table 0, word 0, part 1   bits 16..31, with zeros above the width of the word
    ...
    table 0, word 1, part 0

In the flash a header stands before the image, and the CRC-32 of both behind it::

    bytes 0..3     MAGIC
    bytes 4..7     bytes of the image, low byte first
    bytes 8..15    the first 8 bytes of the digest of the accelerator's manifest
    ...            image
    last four      CRC-32 (IEEE 802.3) of header and image, low byte first
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["CELL_WORDS", "HEADER_WORDS", "MAGIC", "PART_BITS", "LoadTable", "WeightImage",
           "check_weights"]

MAGIC = b"BNNW"
PART_BITS = 16
"""Bits of a word of the image, and of a cell that holds it."""
CELL_WORDS = 16384
"""Words of such a cell (an SPRAM of an iCE40 UltraPlus)."""
_HEADER = struct.Struct("<4sI8s")
_CRC = struct.Struct("<I")
HEADER_WORDS = _HEADER.size * 8 // PART_BITS


@dataclass(frozen=True)
class LoadTable:
    """A table that is loaded: the unit that reads it, its words, and bits of a word."""

    unit: str
    depth: int
    width: int

    @property
    def parts(self) -> int:
        """Words of the image that make a word of the table."""
        return -(-self.width // PART_BITS)

    @property
    def length(self) -> int:
        """Words of the image that it takes."""
        return self.depth * self.parts


@dataclass(frozen=True)
class WeightImage:
    """All that one accelerator loads.

    Attributes
    ----------
    tables : tuple of LoadTable
        In the order in which they are loaded.
    data : bytes
        The image.
    """

    tables: tuple[LoadTable, ...]
    data: bytes

    @classmethod
    def of(cls, contents: Iterable[tuple[LoadTable, Sequence[int]]]) -> WeightImage:
        """Lay out tables with their words."""
        tables, data = [], bytearray()
        for table, words in contents:
            if len(words) != table.depth:
                raise ValueError(f"table of '{table.unit}' has {table.depth} words, "
                                 f"not {len(words)}")
            tables.append(table)
            for word in words:
                data += word.to_bytes(table.parts * PART_BITS // 8, "little")
        return cls(tuple(tables), bytes(data))

    @property
    def words(self) -> int:
        """Length in words of 16 bits."""
        return len(self.data) * 8 // PART_BITS

    @property
    def crc(self) -> int:
        """CRC-32 of the image alone."""
        return zlib.crc32(self.data)

    def describe(self) -> dict[str, Any]:
        """Entry of the manifest: the load port, and where each table lies in the image."""
        return {
            "ports": "load_begin, then a word of load_data in each cycle with load_valid, until "
                     "loaded",
            "words": self.words, "bits_a_word": PART_BITS, "crc32": f"{self.crc:08x}",
            "tables": [{"unit": table.unit, "depth": table.depth, "width": table.width,
                        "first_word": self.first_word(table.unit)} for table in self.tables],
            "order": "tables in turn, words by address, 16-bit parts of a word lowest first; "
                     "bytes of a file low first",
        }

    def first_word(self, unit: str) -> int:
        """Where the table of a unit begins, in words of 16 bits."""
        names = [table.unit for table in self.tables]
        return sum(table.length for table in self.tables[:names.index(unit)])

    def flash_crc(self, digest: bytes) -> int:
        """CRC-32 of header and image: what the board expects."""
        return zlib.crc32(self._header(digest) + self.data)

    def flash(self, digest: bytes) -> bytes:
        """All that goes into the flash, for an accelerator whose manifest has that digest."""
        return self._header(digest) + self.data + _CRC.pack(self.flash_crc(digest))

    def _header(self, digest: bytes) -> bytes:
        return _HEADER.pack(MAGIC, len(self.data), digest[:8])


def check_weights(content: bytes) -> str | None:
    """Say what is wrong with the content of a weights file; None where it is whole."""
    if len(content) < _HEADER.size + _CRC.size:
        return "is too short for weights"
    magic, length, _ = _HEADER.unpack_from(content)
    if magic != MAGIC:
        return "does not begin as a file of weights does"
    if len(content) != _HEADER.size + length + _CRC.size:
        return f"has {len(content):,} bytes, not the {_HEADER.size + length + _CRC.size:,} that " \
            "its header tells of"
    if _CRC.unpack(content[-_CRC.size:])[0] != zlib.crc32(content[:-_CRC.size]):
        return "is damaged: its checksum is wrong"
    return None
