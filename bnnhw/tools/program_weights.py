"""Writes the weights of a board into its flash, next to the bitstream."""

from __future__ import annotations

from pathlib import Path

from bnnhw.errors import ConfigError
from bnnhw.hostlink.wire.board_record import RECORD, BoardRecord
from bnnhw.hostlink.wire.weights import check_weights
from bnnhw.platforms import Board
from bnnhw.tools.program import Programming
from bnnhw.tools.programmers import choose_tool

__all__ = ["plan_weights"]


def plan_weights(board: Board, bitstream: Path, usb: str | None = None) -> Programming | None:
    """Choose the tool and its arguments to write the weights of a build; None if it has none.

    Parameters
    ----------
    board : Board
    bitstream : Path
        Bitstream in a build folder.
    usb : str or None
        As for ``plan_programming``.

    Raises
    ------
    ConfigError
        The weights are missing, damaged, or not those of the build.
    """
    folder = bitstream.parent
    if not (folder / RECORD).is_file() or bitstream.stem != "board":
        return None
    weights = BoardRecord.read(folder).weights
    if weights is None:
        return None
    path = folder / weights.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"weights cannot be read: {error.strerror}", where=str(path),
                          hint="build the design again") from None
    wrong = check_weights(content)
    if wrong is None and int.from_bytes(content[-4:], "little") != weights.crc32:
        wrong = "are the weights of another build"
    if wrong is not None:
        raise ConfigError(wrong, where=str(path), hint="build the design again")
    tool, given, paths = choose_tool(board.programmer, True, usb)
    # Every tool accepts -o ADDRESS, and its last argument is the file.
    arguments = (*given[:-1], "-o", str(weights.offset), given[-1].format(bitstream=path))
    commands = tuple((str(copy), *arguments) for copy in paths or (tool,))
    return Programming(board, path, True, commands, str(path), bool(paths), weights.offset)
