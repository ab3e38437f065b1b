"""What a host has to know of a built board: read from its folder, without the generator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.hostlink.wire import Identity
from bnnhw.ir import Graph
from bnnhw.plan import FieldPlan, Plan, StreamPlan
from bnnhw.plan.frames import decode_frames, encode_frames

__all__ = ["RECORD", "Build", "folder_of", "load_build"]

RECORD = "board.json"
SCHEMA = "bnnhw.board/1"
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Ends:
    """The two ends of a Plan: all of it that packing and unpacking of frames reads."""

    i: StreamPlan
    o: StreamPlan
    fields: tuple[FieldPlan, ...]


@dataclass(frozen=True)
class Build:
    """A built board, as its host sees it.

    Attributes
    ----------
    folder : Path
    board : str
    clock_hz : int
        Clock of the accelerator and of the link's gateware.
    baud : int
        Bits a second on the line.
    frame_timeout : int
        Clock cycles without a byte after which the board drops a request that it has half of.
    identity : Identity
        What the board has to say of itself.
    graph : Graph
        The network that it computes.
    ends : Ends
    """

    folder: Path
    board: str
    clock_hz: int
    baud: int
    frame_timeout: int
    identity: Identity
    graph: Graph
    ends: Ends

    def encode(self, x: np.ndarray, layout: str | None = None) -> list[bytes]:
        """Encode samples ``x [n, *graph.input.shape]`` as input frames.

        ``layout`` may name another order of axes (see ``bnnhw.ir.samples.arrange_samples``).
        """
        x = self.graph.accept_input(x, layout)
        if not len(x):
            return []
        words = encode_frames(cast(Plan, self.ends), self.graph, x)
        return [frame.tobytes() for frame in words.reshape(len(x), -1)]

    def decode(self, frames: list[bytes]) -> dict[str, np.ndarray]:
        """The outputs in output frames: int64 arrays, as the golden model gives them."""
        if not frames:
            return {name: np.zeros((0, *type_.shape), dtype=np.int64)
                    for name, type_ in self.graph.output_types().items()}
        words = np.frombuffer(b"".join(frames), dtype=np.uint8).reshape(-1, self.ends.o.bytes)
        return decode_frames(cast(Plan, self.ends), self.graph, words)


def folder_of(path: str | Path) -> Path:
    """A build folder, of which the record may be named, too."""
    path = Path(path)
    return path.parent if path.name == RECORD else path


def load_build(folder: str | Path) -> Build:
    """Read ``board.json`` and the manifest of the accelerator beside it.

    Raises
    ------
    ConfigError
        A file is missing, damaged, or of another version.
    """
    folder = folder_of(folder)
    record = _read(folder / RECORD)
    if record.get("schema") != SCHEMA:
        raise ConfigError(f"is no record of schema {SCHEMA}", where=str(folder / RECORD),
                          hint="build the design again")
    try:
        name = str(record["accelerator"])
        if Path(name).name != name:
            raise ConfigError(f"names a file in another folder: '{name}'",
                              where=str(folder / RECORD))
        core = _read(folder / name)
        said = record["identity"]
        return Build(
            folder, str(record["board"]), int(record["clock_hz"]), int(record["baud"]),
            int(record["frame_timeout"]),
            Identity(**{**said, "digest": bytes.fromhex(said["digest"])}),
            Graph.from_json(core["network"]), _ends(core["plan"]))
    except BnnhwError:
        raise
    except Exception as error:  # a damaged record can fail in any way
        raise ConfigError(f"is damaged: {type(error).__name__}", where=str(folder),
                          hint="build the design again") from None


def _ends(plan: dict[str, Any]) -> Ends:
    units = plan["units"]
    return Ends(StreamPlan(**units[0]["i"]), StreamPlan(**units[-1]["o"]),
                tuple(FieldPlan(**field) for field in plan["fields"]))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"is larger than {MAX_BYTES} bytes", where=str(path))
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          hint="a build folder is what 'bnnhw build' makes") from None
    except (ValueError, RecursionError):
        raise ConfigError("is not JSON", where=str(path),
                          hint="build the design again") from None
    if not isinstance(data, dict):
        raise ConfigError("is not a JSON object", where=str(path), hint="build the design again")
    return data
