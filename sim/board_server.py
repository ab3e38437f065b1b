"""Connects a simulated board to a pseudo-terminal, so that programs use it as a serial device."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import tty
from pathlib import Path

from bnnhw.emit.board import load_board
from bnnhw.emit.board_weights import WEIGHTS_FILE
from bnnhw.errors import ToolError
from bnnhw.sim.board import BoardModel, board_with_flash
from bnnhw.sim.netlist.boards import netlist_board

__all__ = ["SimulatedBoard"]

STEP_SECONDS = 0.002
"""Host time that is simulated between two accesses to the terminal."""

IDLE_WAIT_SECONDS = 0.02
"""Time to wait for input in each step while the board is idle."""

LINGER_CYCLES = 1 << 23
"""Clock cycles with idle lines after which the simulation slows down and leaves the processor to
other programs. It never stops, so that the longest run ends."""

ANSWER_FACTOR = 256
"""Factor on these cycles while the board may still have to answer."""

UNLOCKED_SECONDS = 1e-4
"""Time between two steps, in which other threads get the lock."""

READ_BYTES = 4096


class SimulatedBoard:
    """Simulates a board continuously, with its serial line on a pseudo-terminal.

    Simulated time is independent of real time: the model runs as fast as it can.

    Parameters
    ----------
    model : BoardModel
        Model of the board; ``close`` closes it too.
    clock_hz : int
        Clock frequency of the board.
    linger : int
        Clock cycles with idle lines after which the simulation slows down; more than the timeout of
        the board within a request.

    Attributes
    ----------
    path : str
        Path of the terminal. It changes with each ``plug``, and is empty while unplugged.
    """

    def __init__(self, model: BoardModel, clock_hz: int, linger: int = LINGER_CYCLES):
        self.model, self.clock_hz, self.linger = model, clock_hz, linger
        self.path = ""
        # The fastest of three counts: other programs may slow down a single measurement.
        self._speed = max(model.speed() for _ in range(3))
        self._cycles = model.cycles
        self._answer_expected = False  # bytes were sent and none received since
        self._ends: tuple[int, int] | None = None
        self._to_host = bytearray()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.plug()
        self._thread = threading.Thread(target=self._serve, name="simulated board", daemon=True)
        self._thread.start()

    @classmethod
    def of_folder(cls, folder: Path, placed: bool = False) -> SimulatedBoard:
        """Compile the board of a build folder and power it on.

        Parameters
        ----------
        folder : Path
        placed : bool
            Simulate its netlist (after place and route if the family supports that) instead of its
            Verilog.
        """
        built = load_board(folder)
        linger = max(LINGER_CYCLES, 2 * built.frame_timeout)
        if placed:
            return cls(netlist_board(folder), built.clock_hz, linger)
        model = BoardModel(built.verilog, built.divisor) if built.weights is None else \
            board_with_flash(built.verilog, built.divisor, folder / WEIGHTS_FILE,
                             built.weights.flash.weights)
        return cls(model, built.clock_hz, linger)

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """Simulated seconds since power-on."""
        return self._cycles / self.clock_hz

    @property
    def scale(self) -> float:
        """Real seconds per simulated second."""
        return self.clock_hz / self._speed

    def plug(self) -> None:
        """Open a terminal if there is none.

        Raises
        ------
        ToolError
            The system has no free pseudo-terminal.
        """
        with self._lock:
            if self._ends is None and not self._closing.is_set():
                try:
                    master, slave = os.openpty()
                except OSError as error:
                    raise ToolError(f"cannot open a pseudo-terminal: {error.strerror}") from None
                tty.setraw(slave)
                os.set_blocking(master, False)
                self._ends = master, slave
                self.path = os.ttyname(slave)

    def unplug(self, low_cycles: int = 0) -> None:
        """Remove the terminal, as if the cable were unplugged. Bytes in transit are lost.

        Parameters
        ----------
        low_cycles : int
            Clock cycles for which the line to the board is low.
        """
        with self._lock:
            if not self._closing.is_set():
                self._hang_up()
                self.model.cut(low_cycles)

    def power_cycle(self) -> None:
        """Restart the board; the terminal remains open."""
        with self._lock:
            if not self._closing.is_set():
                self._to_host.clear()
                self.model.power_cycle()

    def close(self) -> None:
        """End the simulation. Later calls have no effect."""
        with self._lock:
            self._closing.set()
            self._hang_up()
        self._thread.join()
        self.model.close()

    def _hang_up(self) -> None:
        for end in self._ends or ():
            os.close(end)
        self._ends = None
        self.path = ""
        self._to_host.clear()

    def _serve(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                if not self._closing.is_set():
                    self._step()
            time.sleep(UNLOCKED_SECONDS)

    def _step(self) -> None:
        """Simulate for a short time, and transfer bytes from and to the terminal."""
        idle = self.model.quiet >= self.linger * (ANSWER_FACTOR if self._answer_expected else 1)
        self._read(IDLE_WAIT_SECONDS if idle else 0)
        begin = time.perf_counter()
        passed = self.model.run(max(1000, int(self._speed * STEP_SECONDS)))
        seconds = time.perf_counter() - begin
        self._speed += 0.05 * (passed / max(seconds, 1e-6) - self._speed)
        self._cycles = self.model.cycles
        received = self.model.receive()
        self._answer_expected = self._answer_expected and not received
        self._to_host += received
        self._write()

    def _read(self, wait: float) -> None:
        if self._ends is None:
            time.sleep(wait)
        elif select.select([self._ends[0]], [], [], wait)[0]:
            with contextlib.suppress(OSError):  # no program has opened the terminal
                self.model.send(os.read(self._ends[0], READ_BYTES))
                self._answer_expected = True

    def _write(self) -> None:
        if self._ends is not None and self._to_host:
            with contextlib.suppress(BlockingIOError):  # the host does not read its input
                del self._to_host[:os.write(self._ends[0], self._to_host)]
