"""Reads the build folder of a board: ``board.json`` and the manifest of its design."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.emit.manifest import read_manifest
from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.hostlink.wire import Identity
from bnnhw.hostlink.wire.board_record import RECORD, BoardRecord
from bnnhw.html_table import html_table
from bnnhw.ir import Graph
from bnnhw.json_files import read_json
from bnnhw.json_types import Json
from bnnhw.plan import FieldPlan
from bnnhw.plan.frames import decode_frames, encode_frames

if TYPE_CHECKING:
    from bnnhw.hostlink.driver.results import Inference

__all__ = ["REPORT", "Build", "folder_of", "load_build"]

REPORT = "report.json"
"""File with the report of a build, in its folder."""


@dataclass(frozen=True)
class Ends:
    """First and last stream of a plan, and its outputs: a ``FrameLayout``."""

    i: StreamPlan
    o: StreamPlan
    fields: tuple[FieldPlan, ...]


@dataclass(frozen=True, repr=False)
class Build:
    """A bitstream of a design on a board, with what its host needs to know.

    Attributes
    ----------
    folder : Path
    board : str
    clock_hz : int
        Clock of the accelerator and of the link's gateware.
    baud : int
        Bits per second on the line.
    frame_timeout : int
        Clock cycles without a byte after which the board drops an incomplete request.
    identity : Identity
        Identity that the board has to report.
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

    @classmethod
    def load(cls, folder: str | Path) -> Build:
        """Read a build folder, such as ``build/mnist_tfc/icebreaker`` (see ``load_build``)."""
        return load_build(folder)

    @property
    def bitstream(self) -> Path:
        """The file that is loaded onto the board.

        Raises
        ------
        ConfigError
            The folder has no bitstream.
        """
        from bnnhw.tools.program import locate

        return locate(self.folder, None)[1]

    @cached_property
    def report(self) -> Json:
        """The report of the build: clocks, cells of each unit, critical path, tool versions."""
        return read_json(self.folder / REPORT, missing="build the design with 'bnnhw build'",
                         damaged="build the design again")

    def flash(self, *, persistent: bool = False, weights: bool = True,
              usb: str | None = None) -> None:
        """Load the bitstream onto the board.

        Parameters
        ----------
        persistent : bool
            Write it into the board's flash, from which it is loaded at power-on. Otherwise it is
            lost at power-off.
        weights : bool
            First write the weights of a design that loads them at start-up, always into the flash.
        usb : str or None
            ``BUS:NUMBER`` of the device; required if several boards are connected.

        Raises
        ------
        LinkError
            The board was not found, or may not be opened.
        ToolError
            The programmer is missing or failed.
        """
        from bnnhw.api.flashing import plan_flash

        plan_flash(self.folder, persistent=persistent, weights=weights, usb=usb).execute()

    def run(self, x: np.ndarray, on: str = "uart:auto", *,
            layout: str | None = None) -> Inference:
        """Send samples to the board, and compare every output with the golden model.

        Parameters
        ----------
        x : integer array [n, *input.shape]
            Samples: the integers that the network reads.
        on : str
            ``uart:auto`` (the first serial port on which the design answers), ``uart:PORT``,
            ``sim`` (the board in Verilator), or ``netlist`` (the routed netlist, cell by cell).
        layout : str or None
            ``NHWC`` (default) or ``NCHW``, which is transposed.

        Returns
        -------
        Inference
            With ``outputs`` (int64 arrays by name), ``cycles`` and ``seconds``.

        Raises
        ------
        LinkError
            The board was not found, does not answer, or carries another design.
        MismatchError
            The board differs from the golden model, at ``error.layer``, ``error.frame`` and
            ``error.channel``; ``error.result`` is the run.
        """
        from bnnhw.hostlink.driver.accelerator import Accelerator

        target = f"{on}:{self.folder}" if on in ("sim", "netlist") else on
        with Accelerator(target, self.folder) as board:
            validation = board.validate(x, layout=layout)
        validation.check(self.graph)
        return validation.inference

    def __repr__(self) -> str:
        return f"<Build {self.graph.name} on {self.board}: {self.clock_hz / 1e6:g} MHz, " \
               f"{self.clock_hz / self.identity.ii:,.0f} frames/s, in {self.folder}>"

    def _repr_html_(self) -> str:
        report = self.report
        return html_table(
            f"{self.graph.name} on {self.board}: {report['clock_mhz']:g} MHz, fmax "
            f"{report['fmax_mhz']:g} MHz", ("unit", "kind", "cells", "flip-flops", "block RAM"),
            ((row["unit"], row["kind"], *(row["placed"][key] for key in ("lut", "ff", "block_ram")))
             for row in report["layers"]))

    def encode(self, x: np.ndarray, layout: str | None = None) -> list[bytes]:
        """Encode samples ``x [n, *graph.input.shape]`` as input frames.

        ``layout`` may name another order of axes (see ``bnnhw.ir.samples.arrange_samples``).
        """
        x = self.graph.accept_input(x, layout)
        if not len(x):
            return []
        words = encode_frames(self.ends, self.graph, x)
        return [frame.tobytes() for frame in words.reshape(len(x), -1)]

    def decode(self, frames: list[bytes]) -> dict[str, np.ndarray]:
        """Decode output frames into int64 arrays by name, in the form of the golden model."""
        if not frames:
            return {name: np.zeros((0, *type_.shape), dtype=np.int64)
                    for name, type_ in self.graph.output_types().items()}
        words = np.frombuffer(b"".join(frames), dtype=np.uint8).reshape(-1, self.ends.o.bytes)
        return decode_frames(self.ends, self.graph, words)


def folder_of(path: str | Path) -> Path:
    """Return a build folder; ``path`` may also be its ``board.json``."""
    path = Path(path)
    return path.parent if path.name == RECORD else path


def load_build(folder: str | Path) -> Build:
    """Read ``board.json`` and the manifest of the accelerator in the same folder.

    Raises
    ------
    ConfigError
        A file is missing, damaged, or of another version.
    """
    folder = folder_of(folder)
    record = BoardRecord.read(folder)
    record.check_schema()
    core = read_manifest(record.accelerator)
    try:
        graph, ends = Graph.from_json(core["network"]), _read_ends(core["plan"])
    except BnnhwError:
        raise
    except Exception as error:  # a damaged manifest can raise any exception
        raise ConfigError(f"is damaged: {type(error).__name__}", where=str(record.accelerator),
                          hint="build the design again") from None
    return Build(folder, record.board, record.clock_hz, record.baud, record.frame_timeout,
                 record.identity, graph, ends)


def _read_ends(plan: Json) -> Ends:
    units = plan["units"]
    return Ends(StreamPlan(**units[0]["i"]), StreamPlan(**units[-1]["o"]),
                tuple(FieldPlan(**field) for field in plan["fields"]))
