"""A board as a Python object: runs numpy arrays, compares with the golden model, and measures."""

from __future__ import annotations

import os
import statistics
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnhw import golden
from bnnhw.errors import ConfigError, LinkError
from bnnhw.golden.comparison import count_mismatches, first_mismatch
from bnnhw.golden.predictions import accuracy, check_labels
from bnnhw.hostlink.driver.build import Build, folder_of, load_build
from bnnhw.hostlink.driver.link import Link, Request
from bnnhw.hostlink.driver.port import SerialPort, SimulatedPort, usb_ports
from bnnhw.hostlink.driver.results import Inference, Throughput, Validation
from bnnhw.hostlink.wire import COUNTERS, MIN_ECHO, VERSION, Command, Counters, Identity
from bnnhw.hostlink.wire.board_record import RECORD

if TYPE_CHECKING:
    from bnnhw.sim.board_server import SimulatedBoard

__all__ = ["Accelerator"]

SIMULATED = ("sim", "netlist")
"""Kinds of targets that are simulated: from the Verilog, and from the placed and routed netlist."""

NETLIST_SLACK = 30.0
"""Seconds that a reply of a simulated netlist may be late."""

SERIES = 64
"""Requests that are sent as one series; if a reply is lost, the entire series is repeated."""

ROUND_TRIPS = 8
"""Samples whose round trip is measured."""

COUNTER_MAX = (1 << 32) - 1
"""Largest value of a counter of the board."""

GIVE_UP_FRAMES, GIVE_UP_CYCLES = 5, 2000
"""The timeout of a silent accelerator is the time of that many frames, plus that many cycles."""

Progress = Callable[[int], None]


class Accelerator:
    """A board with a built design on it.

    Parameters
    ----------
    target : str or SimulatedBoard
        * ``uart:PORT``: a serial port such as ``uart:/dev/ttyUSB1``;
        * ``uart:auto``: the first USB serial port on which the design answers;
        * ``sim:FOLDER``: the board of a build folder, simulated with Verilator;
        * ``netlist:FOLDER``: its placed and routed netlist, simulated cell by cell;
        * a simulated board that is already running, which ``close`` does not stop.
    design : path, optional
        Build folder with ``board.json``. Targets with a FOLDER do not need it.
    attempts : int
        Number of times that a series of requests is sent before it fails.
    patience : float
        Seconds to wait until a port that has disappeared is available again.

    Attributes
    ----------
    build : Build
    identity : Identity
        Identity that the board has reported.
    link : Link

    Raises
    ------
    LinkError
        The port does not exist, the board does not answer, or it runs another design.
    ConfigError
        The target or the build folder does not exist.
    """

    def __init__(self, target: str | SimulatedBoard, design: str | Path | None = None, *,
                 attempts: int = 3, patience: float = 2.0):
        kind, _, location = target.partition(":") if isinstance(target, str) else ("", "", "")
        if isinstance(target, str) and (kind not in ("uart", *SIMULATED) or not location):
            raise ConfigError(f"'{target}' is not a board",
                              hint="use uart:PORT, uart:auto, sim:FOLDER or netlist:FOLDER")
        if kind not in SIMULATED and design is None:
            raise ConfigError("the build folder of the design is missing", where=str(target),
                              hint="name it with `design=FOLDER`")
        if kind in SIMULATED and not (folder_of(location) / RECORD).is_file():
            raise LinkError("the folder contains no built board", where=str(target),
                            hint="give a folder that 'bnnhw build' has written, with board.json")
        self.build: Build = load_build(location if design is None else design)
        self._patience = patience
        self._simulation: SimulatedBoard | None = None
        try:
            if location == "auto":
                self._find()
            elif kind == "uart":
                self._connect(SerialPort(location, self.build.baud), attempts)
            elif kind in SIMULATED:
                from bnnhw.sim.board_server import SimulatedBoard
                self._simulation = SimulatedBoard.of_folder(folder_of(location),
                                                            placed=kind == "netlist")
                port = SimulatedPort(self._simulation, self.build.baud)
                if kind == "netlist":
                    port.slack = NETLIST_SLACK
                self._connect(port, attempts)
            else:
                assert not isinstance(target, str)
                self._connect(SimulatedPort(target, self.build.baud), attempts)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port and stop a simulated board. Closing twice is not an error."""
        if hasattr(self, "link"):
            self.link.port.close()
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None

    def _connect(self, port: SerialPort, attempts: int) -> None:
        """Open a port and check that the expected design answers on it."""
        build = self.build
        self.link = Link(port, clock_hz=build.clock_hz, frame_timeout=build.frame_timeout,
                         window=build.identity.window, attempts=attempts, patience=self._patience)
        self.identity = self._identify()
        expected = build.identity
        if self.identity.digest != expected.digest:
            raise LinkError(
                f"the board runs design {self.identity.digest.hex()}, expected "
                f"{expected.digest.hex()} of {build.folder}", where=port.path,
                hint="load the bitstream of that folder, or give the folder of the other design")

    def _identify(self) -> Identity:
        reply = self.link.exchange([Request(Command.IDENTIFY, answer=Identity.SIZE)])[0]
        identity = Identity.unpack(reply)
        if identity.version != VERSION:
            raise LinkError(f"the board uses version {identity.version} of the protocol, "
                            f"expected {VERSION}", where=self.link.port.path,
                            hint="build the design again, and load its bitstream")
        return identity

    def _find(self) -> None:
        """Connect to the first USB serial port on which the design answers."""
        ports = usb_ports()
        failures = []
        for path, title in ports:
            try:
                return self._connect(SerialPort(path, self.build.baud), attempts=1)
            except LinkError as error:
                self.link.port.close()
                failures.append(f"{path} ({title}): {error.message}")
        raise LinkError(
            "no board with this design was found; "
            + ("; ".join(failures) or "there is no USB serial port"),
            where="uart:auto", hint="check the cable, load the bitstream, or give the port")

    def run(self, x: np.ndarray, progress: Progress | None = None, *,
            layout: str | None = None) -> Inference:
        """Run samples on the board, one after another.

        Parameters
        ----------
        x : integer array [n, *graph.input.shape]
        progress : callable or None
            Called with the number of samples that have finished since the last call.
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
        """Return the outputs of samples in the form of ``golden.run``; parameters as in ``run``."""
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
        if labels is not None:
            check_labels(labels, self.build.graph, len(x))
        inference = self.run(x, progress)
        expected = golden.run(self.build.graph, x)
        return Validation(inference, expected, count_mismatches(expected, inference.outputs),
                          first_mismatch(expected, inference.outputs),
                          accuracy(inference.outputs, labels))

    def count(self, x: np.ndarray, repeats: int) -> Counters:
        """Run one sample repeatedly on the board, without sending it again.

        Parameters
        ----------
        x : integer array [1, *graph.input.shape]
        repeats : int
            At least 1, and so few that the 32-bit counters do not overflow.
        """
        identity = self.identity
        if not 1 <= repeats <= (COUNTER_MAX - identity.latency) // identity.ii:
            raise ConfigError(f"{repeats} repeats overflow the counters of the board",
                              hint=f"use 1 to {(COUNTER_MAX - identity.latency) // identity.ii}")
        load, run = self.build.encode(x)[0], struct.pack("<I", repeats)
        return Counters.unpack(self.link.exchange([
            Request(Command.LOAD, load),
            Request(Command.RUN, run, COUNTERS.size, self._cycles(repeats))])[1])

    def throughput(self, repeats: int = 1000, x: np.ndarray | None = None) -> Throughput:
        """Measure the accelerator by the counters of the board, and the link by elapsed time.

        Parameters
        ----------
        repeats : int
            Frames that run on the board without the link in between, at least 2.
        x : integer array [n, *graph.input.shape], optional
            Samples, of which the first few are sent; by default, frames of the lowest value.
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
        """Send bytes to the board and return the reply; by default random ones.

        The frame that was loaded is lost.
        """
        data = os.urandom(MIN_ECHO) if data is None else data
        limit = max(MIN_ECHO, self.identity.input_bytes)
        if len(data) > limit:
            raise ConfigError(f"{len(data)} bytes are too long for an echo",
                              hint=f"send at most {limit}")
        return self.link.exchange([Request(Command.ECHO, data, len(data))])[0]

    def reset(self) -> None:
        """Reset the accelerator."""
        self.link.exchange([Request(Command.RESET)])

    def _infer(self, frame: bytes) -> Request:
        identity = self.identity
        return Request(Command.INFER, frame, COUNTERS.size + identity.output_bytes,
                       self._cycles(1))

    def _cycles(self, repeats: int) -> int:
        """Return the clock cycles after which a run has ended or the board has given it up."""
        identity = self.identity
        give_up = GIVE_UP_FRAMES * (identity.ii + identity.latency) + GIVE_UP_CYCLES
        return repeats * identity.ii + give_up
