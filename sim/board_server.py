"""A simulated board behind a pseudo-terminal, so that it is met as any serial device is."""

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
from bnnhw.sim.netlist import netlist_board

__all__ = ["SimulatedBoard"]

TURN_SECONDS = 0.002
"""Time of a turn of the simulation, between two looks at the terminal."""
REST_SECONDS = 0.02
LINGER_CYCLES = 1 << 23
"""Clock cycles with idle lines after which the simulation slows down, to leave the processor to
others. Time goes on, so that the longest run ends."""
OWED = 256
"""By how many times longer it is awaited where the board may still owe an answer."""
LOOK_SECONDS = 1e-4
READ_BYTES = 4096


class SimulatedBoard:
    """Keep a board's clock running, and its serial line at a terminal.

    Its time has nothing to do with ours: it passes as fast as the model can be simulated.

    Parameters
    ----------
    model : BoardModel
        Closed with it.
    clock_hz : int
        Of the board.
    linger : int
        Clock cycles with idle lines after which the simulation slows down; more than the board
        waits for the rest of a request.

    Attributes
    ----------
    path : str
        Of the terminal, as for any serial port. Another one after each ``plug``; empty between.
    """

    def __init__(self, model: BoardModel, clock_hz: int, linger: int = LINGER_CYCLES):
        self.model, self.clock_hz, self.linger = model, clock_hz, linger
        self.path = ""
        self._speed = max(model.speed() for _ in range(3))  # others use the machine, too
        self._cycles = model.cycles
        self._owes = False  # nothing was sent since something was received
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
            Its netlist, placed and routed where the family allows that, instead of its Verilog.
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
        """Time on the board since power-on."""
        return self._cycles / self.clock_hz

    @property
    def scale(self) -> float:
        """Seconds that pass here while one passes on the board."""
        return self.clock_hz / self._speed

    def plug(self) -> None:
        """Offer a terminal, if there is none."""
        with self._lock:
            if self._ends is None and not self._closing.is_set():
                try:
                    here, there = os.openpty()
                except OSError as error:
                    raise ToolError(f"no pseudo-terminal can be had: {error.strerror}") from None
                tty.setraw(there)
                os.set_blocking(here, False)
                self._ends = here, there
                self.path = os.ttyname(there)

    def unplug(self, low_cycles: int = 0) -> None:
        """Take the terminal away, as a cable that is pulled.

        Parameters
        ----------
        low_cycles : int
            Clock cycles for which the board's line is low then. What was on its way is lost.
        """
        with self._lock:
            if not self._closing.is_set():
                self._hang_up()
                self.model.cut(low_cycles)

    def power_cycle(self) -> None:
        """Take its power away for a moment; the terminal stays."""
        with self._lock:
            if not self._closing.is_set():
                self._to_host.clear()
                self.model.power_cycle()

    def close(self) -> None:
        """End the simulation; whatever is asked of it afterwards does nothing."""
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
                    self._turn()
            time.sleep(LOOK_SECONDS)  # whoever waits for the lock gets it

    def _turn(self) -> None:
        resting = self.model.quiet >= self.linger * (OWED if self._owes else 1)
        self._read(REST_SECONDS if resting else 0)
        begin = time.perf_counter()
        passed = self.model.run(max(1000, int(self._speed * TURN_SECONDS)))
        seconds = time.perf_counter() - begin
        self._speed += 0.05 * (passed / max(seconds, 1e-6) - self._speed)
        self._cycles = self.model.cycles
        received = self.model.receive()
        self._owes = self._owes and not received
        self._to_host += received
        self._write()

    def _read(self, wait: float) -> None:
        if self._ends is None:
            time.sleep(wait)
        elif select.select([self._ends[0]], [], [], wait)[0]:
            with contextlib.suppress(OSError):  # nobody has it open
                self.model.send(os.read(self._ends[0], READ_BYTES))
                self._owes = True

    def _write(self) -> None:
        if self._ends is not None and self._to_host:
            with contextlib.suppress(BlockingIOError):  # the host does not read
                del self._to_host[:os.write(self._ends[0], self._to_host)]
