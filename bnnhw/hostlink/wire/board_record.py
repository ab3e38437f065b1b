"""Reads ``board.json``, the record of a build folder: which board, clock, line and design."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bnnhw.errors import ConfigError
from bnnhw.hostlink.wire.identity import Identity
from bnnhw.json_files import read_json
from bnnhw.json_types import Json

__all__ = ["RECORD", "SCHEMA", "BoardRecord", "WeightsRecord"]

RECORD = "board.json"
SCHEMA = "bnnhw.board/1"

T = TypeVar("T")


@dataclass(frozen=True)
class WeightsRecord:
    """The weights that a board reads from its flash.

    Attributes
    ----------
    file : str
        Name of their file in the build folder.
    offset : int
        Byte address in the flash.
    crc32 : int
    """

    file: str
    offset: int
    crc32: int


@dataclass(frozen=True)
class BoardRecord:
    """A ``board.json``. Each property raises ConfigError where its value is missing or malformed.

    Attributes
    ----------
    path : Path
    data : dict
        Its JSON values.
    """

    path: Path
    data: Json

    @classmethod
    def read(cls, folder: Path) -> BoardRecord:
        """Read the record of a build folder, of any version.

        Raises
        ------
        ConfigError
            The file cannot be read, or is not a JSON object.
        """
        path = folder / RECORD
        return cls(path, read_json(path, missing="give a folder that 'bnnhw build' has written",
                                   damaged="build the design again"))

    def check_schema(self) -> None:
        """Raise ConfigError unless this version of bnnhw wrote the record."""
        if self.data.get("schema") != SCHEMA:
            raise ConfigError(f"does not have the schema {SCHEMA}", where=str(self.path),
                              hint="build the design again")

    @property
    def board(self) -> str:
        """Name of the board."""
        return self._value("board", lambda data: str(data["board"]))

    @property
    def clock_hz(self) -> int:
        """Clock of the accelerator and the link in hertz."""
        return self._value("clock_hz", lambda data: int(data["clock_hz"]))

    @property
    def baud(self) -> int:
        """Bits per second on the line."""
        return self._value("baud", lambda data: int(data["baud"]))

    @property
    def divisor(self) -> int:
        """Clock cycles per bit on the line."""
        return self._value("divisor", lambda data: int(data["divisor"]))

    @property
    def frame_timeout(self) -> int:
        """Clock cycles without a byte after which the board drops an incomplete request."""
        return self._value("frame_timeout", lambda data: int(data["frame_timeout"]))

    @property
    def identity(self) -> Identity:
        """Identity that the board reports."""
        return self._value("identity", lambda data: Identity(
            **{**data["identity"], "digest": bytes.fromhex(data["identity"]["digest"])}))

    @property
    def accelerator(self) -> Path:
        """Manifest of the accelerator, in the same folder."""
        name = self._value("accelerator", lambda data: str(data["accelerator"]))
        if Path(name).name != name:
            raise ConfigError(f"refers to a file in another folder: '{name}'",
                              where=str(self.path))
        return self.path.parent / name

    @property
    def verilog_sha256(self) -> str:
        """SHA-256 digest of the board's Verilog file, in hexadecimal."""
        return self._value("verilog", lambda data: str(data["verilog"]["sha256"]))

    @property
    def weights(self) -> WeightsRecord | None:
        """Weights in the flash; None for a design that loads none."""
        def weights(data: Json) -> WeightsRecord:
            entry = data["weights"]
            return WeightsRecord(Path(str(entry["file"])).name, int(entry["offset"]),
                                 int(entry["crc32"], 16))
        return None if self.data.get("weights") is None else self._value("weights", weights)

    def _value(self, key: str, convert: Callable[[Json], T]) -> T:
        try:
            return convert(self.data)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"is damaged: it has no valid '{key}'", where=str(self.path),
                              hint="build the design again") from None
