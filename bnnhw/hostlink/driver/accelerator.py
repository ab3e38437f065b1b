"""A board as an object: numpy arrays in, numpy arrays out."""

from __future__ import annotations

import os
import statistics
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw import golden
from bnnhw.errors import ConfigError, LinkError
from bnnhw.hostlink.driver.build import RECORD, Build, folder_of, load_build
from bnnhw.hostlink.driver.link import Link, Request
from bnnhw.hostlink.driver.port import SerialPort, SimulatedPort, usb_ports
from bnnhw.hostlink.driver.results import Inference, Throughput, Validation, first_mismatch
from bnnhw.hostlink.wire import COUNTERS, VERSION, Command, Counters, Identity

if TYPE_CHECKING:
    from bnnhw.sim.board_server import SimulatedBoard

__all__ = ["Accelerator"]

SIMULATED = ("sim", "netlist")
NETLIST_SLACK = 30.0
"""Seconds by which a model of single cells may be late."""
SERIES = 64
"""Frames that are sent again together if one of them is lost."""
ROUND_TRIPS = 8
COUNTER_MAX = (1 << 32) - 1
ECHO_BYTES = 16
GIVE_UP, GIVE_UP_CYCLES = 5, 2000
"""A board waits for a silent accelerator no longer than so many frames, and cycles."""

Progress = Callable[[int], None]


class Accelerator:
    """A board with a built design on it.

    Parameters
    ----------
    target : str or SimulatedBoard
        ``uart:PORT``, a serial port such as ``uart:/dev/ttyUSB1``; ``uart:auto``, the first
        serial port of a USB device behind which the design answers; ``sim:FOLDER``, the board of
        a build folder in Verilator, behind a pseudo-terminal; or ``netlist:FOLDER``, the same of
        the placed and routed netlist, cell by cell. Or a simulated board that runs already; it
        is not closed together with this.
    design : path or None
        The build folder, with ``board.json``; that of a simulated target is its own.
    attempts : int
        Times that requests are sent before they are given up.
    patience : float
        Seconds to wait for a port that is gone to come back.

    Attributes
    ----------
    build : Build
    identity : Identity
        What the board says of itself.

    Raises
    ------
    LinkError
        No such port, no answer, or another design than the one that is expected.
    ConfigError
        There is no such target or build folder.
    """

    def __init__(self, target: str | SimulatedBoard, design: str | Path | None = None, *,
                 attempts: int = 3, patience: float = 2.0):
        kind, _, place = target.partition(":") if isinstance(target, str) else ("", "", "")
        if isinstance(target, str) and (kind not in ("uart", *SIMULATED) or not place):
            raise ConfigError(f"'{target}' is no board",
                              hint="use uart:PORT, uart:auto, sim:FOLDER or netlist:FOLDER")
        if kind not in SIMULATED and design is None:
            raise ConfigError("the build folder of the design is wanted, too", where=str(target),
                              hint="design=FOLDER, or --design FOLDER on the command line")
        if kind in SIMULATED and not (folder_of(place) / RECORD).is_file():
            raise LinkError("there is no built board in this folder", where=str(target),
                            hint="name a folder that 'bnnhw build' made, with its board.json")
        self.build: Build = load_build(place if design is None else design)
        self._options: dict[str, Any] = {"attempts": attempts, "patience": patience}
        self._own: Any = None
        try:
            if place == "auto":
                self._find()
            elif kind == "uart":
                self._connect(SerialPort(place, self.build.baud))
            elif kind in SIMULATED:
                from bnnhw.sim.board_server import SimulatedBoard
                self._own = SimulatedBoard.of_folder(folder_of(place), placed=kind == "netlist")
                port = SimulatedPort(self._own, self.build.baud)
                if kind == "netlist":
                    port.slack = NETLIST_SLACK
                self._connect(port)
            else:
                assert not isinstance(target, str)
                self._connect(SimulatedPort(target, self.build.baud))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port, and end the simulation of a simulated board. Twice is no error."""
        if hasattr(self, "link"):
            self.link.port.close()
        if self._own is not None:
            self._own.close()
            self._own = None

    def _connect(self, port: SerialPort, **options: Any) -> None:
        build = self.build
        self.link = Link(port, clock_hz=build.clock_hz, frame_timeout=build.frame_timeout,
                         window=build.identity.window, **{**self._options, **options})
        self.identity = self._identify()
        expected = build.identity
        if self.identity.digest != expected.digest:
            raise LinkError(
                f"the board holds design {self.identity.digest.hex()}, expected is "
                f"{expected.digest.hex()} of {build.folder}", where=port.path,
                hint="load the bitstream of that folder, or name the folder of the other design")

    def _identify(self) -> Identity:
        said = self.link.exchange([Request(Command.IDENTIFY, answer=Identity.SIZE)])[0]
        identity = Identity.unpack(said)
        if identity.version != VERSION:
            raise LinkError(f"the board speaks version {identity.version} of the protocol, "
                            f"expected is {VERSION}", where=self.link.port.path,
                            hint="build the design again, and load its bitstream")
        return identity

    def _find(self) -> None:
        """Take the first port on which the design answers."""
        ports = usb_ports()
        seen = []
        for path, title in ports:
            try:
                return self._connect(SerialPort(path, self.build.baud), attempts=1)
            except LinkError as error:
                self.link.port.close()
                seen.append(f"{path} ({title}): {error.message}")
        raise LinkError(
            "no board with this design was found; " + ("; ".join(seen) if seen else
                                                       "there is no serial port of a USB device"),
            where="uart:auto", hint="check the cable, load the bitstream, or name the port")

    def run(self, x: np.ndarray, progress: Progress | None = None, *,
            layout: str | None = None) -> Inference:
        """Send samples one behind the other.

        Parameters
        ----------
        x : integer array [n, *graph.input.shape]
        progress : callable or None
            Called with the number of samples that are done since the last call.
        layout : str or None
            ``NCHW`` for ``x [n, C, H, W]``; see ``bnnhw.ir.samples.arrange_samples``.
        """
        frames = self.build.encode(x, layout)
        begin = self.link.port.now()
        payloads: list[bytes] = []
        for first in range(0, len(frames), SERIES):
            payloads += self.link.exchange([self._infer(f) for f in frames[first:first + SERIES]],
                                           progress)
        seconds = self.link.port.now() - begin
        counted = [Counters.unpack(payload[:COUNTERS.size]) for payload in payloads]
        return Inference(
            self.build.decode([payload[COUNTERS.size:] for payload in payloads]),
            np.array([c.cycles for c in counted], dtype=np.int64),
            np.array([c.stalls for c in counted], dtype=np.int64), seconds, self.build.clock_hz)

    def infer(self, x: np.ndarray, progress: Progress | None = None, *,
              layout: str | None = None) -> dict[str, np.ndarray]:
        """Compute the outputs of samples, as ``golden.run`` gives them (see ``run``)."""
        return self.run(x, progress, layout=layout).outputs

    def validate(self, x: np.ndarray, labels: np.ndarray | None = None,
                 progress: Progress | None = None, *, layout: str | None = None) -> Validation:
        """Run samples and compare every output with the golden model.

        Parameters
        ----------
        x : integer array [n, *graph.input.shape]
        labels : integer array [n] or None
            True labels.
        progress : callable or None
        layout : str or None
            As in ``run``.
        """
        x = self.build.graph.accept_input(x, layout)
        if labels is not None and "label" not in self.build.graph.output_types():
            raise ConfigError("the network gives no label", where="labels")
        if labels is not None and np.shape(labels) != (len(x),):
            raise ConfigError(f"has shape {np.shape(labels)}, expected ({len(x)},)",
                              where="labels")
        inference = self.run(x, progress)
        mismatches, first = first_mismatch(golden.run(self.build.graph, x), inference.outputs)
        right = None if labels is None or not len(x) else float(
            (inference.outputs["label"] == labels).mean())
        return Validation(inference, mismatches, first, right)

    def count(self, x: np.ndarray, repeats: int) -> Counters:
        """Run one sample ``x [1, ...]`` many times on the board, without the line between.

        Parameters
        ----------
        x : integer array [1, *graph.input.shape]
        repeats : int
            At least 1. The counters hold 32 bits.
        """
        identity = self.identity
        if not 1 <= repeats <= (COUNTER_MAX - identity.latency) // identity.ii:
            raise ConfigError(f"{repeats} repeats cannot be counted",
                              hint=f"1 to {(COUNTER_MAX - identity.latency) // identity.ii}")
        load, run = self.build.encode(x)[0], struct.pack("<I", repeats)
        return Counters.unpack(self.link.exchange([
            Request(Command.LOAD, load),
            Request(Command.RUN, run, COUNTERS.size, self._cycles(repeats))])[1])

    def throughput(self, repeats: int = 1000, x: np.ndarray | None = None) -> Throughput:
        """Measure the accelerator by the board's own counters, and the line by the clock.

        Parameters
        ----------
        repeats : int
            Frames that run on the board one behind the other, at least 2.
        x : integer array [n, *graph.input.shape] or None
            Samples for the line, of which the first few are sent; without them, frames of the
            lowest value.
        """
        if repeats < 2:
            raise ConfigError("throughput needs at least 2 repeats", where="repeats")
        graph = self.build.graph
        if x is None or not len(x):
            x = np.full((ROUND_TRIPS, *graph.input.shape), graph.input.element.lo)
        x = graph.accept_input(x)
        one, many = self.count(x[:1], 1), self.count(x[:1], repeats)
        trips = [self.run(one_sample[None]).seconds for one_sample in x[:ROUND_TRIPS]]
        series = self.run(x[:SERIES])
        return Throughput(
            self.identity.clock_hz, repeats, one.cycles,
            (many.cycles - one.cycles) / (repeats - 1), many.stalls,
            statistics.median(trips), len(series.cycles) / series.seconds)

    def echo(self, data: bytes | None = None) -> bytes:
        """Send bytes there and back; without any, random ones. What was loaded is forgotten."""
        data = os.urandom(ECHO_BYTES) if data is None else data
        most = max(ECHO_BYTES, self.identity.input_bytes)
        if len(data) > most:
            raise ConfigError(f"{len(data)} bytes cannot be echoed", hint=f"at most {most} can")
        return self.link.exchange([Request(Command.ECHO, data, len(data))])[0]

    def reset(self) -> None:
        """Let the accelerator begin anew."""
        self.link.exchange([Request(Command.RESET)])

    def _infer(self, frame: bytes) -> Request:
        identity = self.identity
        return Request(Command.INFER, frame, COUNTERS.size + identity.output_bytes,
                       self._cycles(1))

    def _cycles(self, repeats: int) -> int:
        """Clock cycles after which a run has ended, or was given up by the board."""
        identity = self.identity
        return repeats * identity.ii + GIVE_UP * (identity.ii + identity.latency) + GIVE_UP_CYCLES
