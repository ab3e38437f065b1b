"""Checks bitstream files before programming: family, device, and that they are complete."""

from __future__ import annotations

import re
import zlib

from bnnhw.errors import ConfigError
from bnnhw.families.flow import NotABitstreamError
from bnnhw.platforms.base import Board, Usb

__all__ = ["LARGEST", "check_bitstream", "dfu_file"]

LARGEST = 64 << 20
"""Largest bitstream in bytes."""


def check_bitstream(board: Board, data: bytes, where: str) -> None:
    """Reject a file that cannot be a bitstream for a board's part.

    Parameters
    ----------
    board : Board
    data : bytes
    where : str
        Name of its file, for the error.

    Raises
    ------
    ConfigError
        It is for another family or device, or is cut short.
    """
    part, packer = board.part, board.family.need_flow().packer
    known = packer.devices
    try:
        if not data:
            raise NotABitstreamError("is empty")
        if len(data) > LARGEST:
            raise NotABitstreamError(f"is larger than {LARGEST:,} bytes")
        found = packer.read_device(data)
    except NotABitstreamError as error:
        raise ConfigError(f"{error}; expected a bitstream for {part.name}", where=where,
                          hint=f"build it with `board={board.name}`") from None
    wanted = next((value for name, value in known.items() if part.name.startswith(name)), None)
    if wanted is not None and found != wanted:
        names = [name for name, value in known.items() if value == found]
        raise _other(board, " or ".join(names) or "another device", where)
    # Boards with the same device differ in its package, which nextpnr writes into ECP5 bitstreams.
    named = re.search(rb"^\xff\x00[^\xff]*Part: ([\w-]+)", data[:4096])
    given = part.pnr_arguments
    package = given[given.index("--package") + 1] if "--package" in given else ""
    if named and not named[1].decode().endswith(package):
        raise _other(board, named[1].decode(), where)


def _other(board: Board, found: str, where: str) -> ConfigError:
    return ConfigError(f"is a bitstream for {found}, but {board.title} has {board.part.name}",
                       where=where, hint=f"build it with `board={board.name}`")


def dfu_file(data: bytes, usb: Usb) -> bytes:
    """A bitstream with the suffix of the DFU specification 1.1, appendix B.

    Parameters
    ----------
    data : bytes
    usb : Usb
        The only device that accepts the file.
    """
    body = data + b"".join((
        b"\xff\xff", usb.product.to_bytes(2, "little"), usb.vendor.to_bytes(2, "little"),
        b"\x00\x01", b"UFD", bytes([16])))
    # The CRC is that of zlib without its final inversion, over everything before it.
    return body + (zlib.crc32(body) ^ 0xFFFFFFFF).to_bytes(4, "little")
