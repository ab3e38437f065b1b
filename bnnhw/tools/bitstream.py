"""Bitstreams as files: of which family and device they are, and whether they are whole."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from bnnhw.errors import ConfigError
from bnnhw.platforms.base import Board, Usb

__all__ = ["LARGEST", "check_bitstream", "dfu_file"]

LARGEST = 64 << 20

# What the configuration logic compares with its own (Lattice FPGA-TN-02039, Gowin UG290).
_ECP5 = {
    "LFE5U-12F": 0x21111043, "LFE5U-25F": 0x41111043, "LFE5U-45F": 0x41112043,
    "LFE5U-85F": 0x41113043, "LFE5UM-25F": 0x01111043, "LFE5UM-45F": 0x01112043,
    "LFE5UM-85F": 0x01113043, "LFE5UM5G-25F": 0x81111043, "LFE5UM5G-45F": 0x81112043,
    "LFE5UM5G-85F": 0x81113043,
}
_GOWIN = {"GW1NR-LV9": 0x1100481B, "GW2AR-LV18": 0x0000081B}
# An iCE40 has no number: its configuration memory has a width and a height.
_ICE40 = {"iCE40HX1K": (332, 144), "iCE40LP1K": (332, 144), "iCE40UP5K": (692, 336),
          "iCE40HX4K": (872, 272), "iCE40HX8K": (872, 272), "iCE40LP8K": (872, 272)}

_ICE40_PREAMBLE = b"\x7e\xaa\x99\x7e"
_ECP5_PREAMBLE = b"\xff\xff\xbd\xb3"


class _WrongError(Exception):
    """What a file is instead of what it has to be."""


def check_bitstream(board: Board, data: bytes, where: str) -> None:
    """Refuse what cannot be a bitstream of a board's part.

    Parameters
    ----------
    board : Board
    data : bytes
    where : str
        Its file, for the error.

    Raises
    ------
    ConfigError
        It is of another family or device, or is cut short.
    """
    part = board.part
    try:
        if not data:
            raise _WrongError("is empty")
        if len(data) > LARGEST:
            raise _WrongError(f"is larger than {LARGEST:,} bytes")
        read, known = _FAMILIES[part.family]
        found = read(data)
    except _WrongError as error:
        raise ConfigError(f"{error}; expected a bitstream for {part.name}", where=where,
                          hint=f"bnnhw build NET --board {board.name}") from None
    wanted = next((value for name, value in known.items() if part.name.startswith(name)), None)
    if wanted is not None and found != wanted:
        names = [name for name, value in known.items() if value == found]
        raise _other(board, " or ".join(names) or "another device", where)
    # Boards of the same device differ in their package, which nextpnr writes down for ECP5.
    named = re.search(rb"^\xff\x00[^\xff]*Part: ([\w-]+)", data[:4096])
    package = part.place[part.place.index("--package") + 1] if "--package" in part.place else ""
    if named and not named[1].decode().endswith(package):
        raise _other(board, named[1].decode(), where)


def _other(board: Board, found: str, where: str) -> ConfigError:
    return ConfigError(f"is a bitstream for {found}, but {board.title} has {board.part.name}",
                       where=where, hint=f"bnnhw build NET --board {board.name}")


def _ice40(data: bytes) -> tuple[int, int]:
    """Width and height of the configuration memory."""
    start = data.find(_ICE40_PREAMBLE, 0, 1 << 16)
    if not data.startswith((b"\xff\x00", _ICE40_PREAMBLE)) or start < 0:
        raise _WrongError("does not begin like an iCE40 bitstream")
    if not data.rstrip(b"\0").endswith(b"\x01\x06"):
        raise _WrongError("is cut short: the command that ends configuration is missing")
    sizes, place = {}, start + len(_ICE40_PREAMBLE)
    # Commands: four bits what, four bits how many bytes follow. 01 01 and 01 03 begin data.
    while place + 1 < len(data) and data[place:place + 2] not in (b"\x01\x01", b"\x01\x03"):
        length = data[place] & 15
        sizes[data[place] >> 4] = int.from_bytes(data[place + 1:place + 1 + length], "big")
        place += 1 + length
    return sizes.get(6, -1) + 1, sizes.get(7, 0)


def _ecp5(data: bytes) -> int:
    """The number in its VERIFY_ID command."""
    start = data.find(_ECP5_PREAMBLE, 0, 1 << 16)
    if not data.startswith((b"\xff\x00", b"LSCC", b"\xff\xff")) or start < 0:
        raise _WrongError("does not begin like an ECP5 bitstream")
    if b"\x5e\x00\x00\x00" not in data[-512:]:
        raise _WrongError("is cut short: the command that ends configuration is missing")
    command = data.find(b"\xe2\x00\x00\x00", start, start + 256)
    if command < 0:
        raise _WrongError("names no device")
    return int.from_bytes(data[command + 4:command + 8], "big")


def _gowin(data: bytes) -> int:
    """The number in its command 06; the file is text, bits as 0 and 1, a command a line."""
    lines = [line.strip() for line in data.splitlines() if not line.startswith(b"//")]
    if any(line.strip(b"01") for line in lines):
        raise _WrongError("is no text of bits")
    words = [int(line, 2).to_bytes(len(line) // 8, "big") for line in lines
             if line and len(line) <= 64 and len(line) % 8 == 0]
    if b"\xa5\xc3" not in words:
        raise _WrongError("does not begin like a Gowin bitstream")
    numbers = [word for word in words if len(word) == 8 and word.startswith(b"\x06\0\0\0")]
    if not numbers:
        raise _WrongError("names no device")
    if b"\x08\0\0\0" not in words:
        raise _WrongError("is cut short: the command that ends configuration is missing")
    return int.from_bytes(numbers[0][4:], "big")


_FAMILIES: dict[str, tuple[Callable[[bytes], object], dict[str, object]]] = {
    "ice40": (_ice40, {**_ICE40}), "ecp5": (_ecp5, {**_ECP5}), "gowin": (_gowin, {**_GOWIN}),
}


def dfu_file(data: bytes, usb: Usb) -> bytes:
    """A file for device firmware upgrade: with the suffix of its specification, 1.1, section B.

    Parameters
    ----------
    data : bytes
    usb : Usb
        The only device that takes it.
    """
    body = data + b"".join((
        b"\xff\xff", usb.product.to_bytes(2, "little"), usb.vendor.to_bytes(2, "little"),
        b"\x00\x01", b"UFD", bytes([16])))
    # The CRC is that of zlib without its last inversion, over all that lies before it.
    return body + (zlib.crc32(body) ^ 0xFFFFFFFF).to_bytes(4, "little")
