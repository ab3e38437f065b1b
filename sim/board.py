"""Simulates an entire board with Verilator, and drives its serial line bit by bit."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bnnhw.emit.board import BOARD_TOP
from bnnhw.errors import ConfigError
from bnnhw.families.parts import SPRAM_MODEL
from bnnhw.sim.build import build_library

__all__ = ["BoardModel", "board_with_flash", "build_board"]

TOP_WITH_FLASH = "bnnhw_board_and_flash"
"""Top module of ``spi_flash.v``, which contains a board and its flash."""

HARNESS = Path(__file__).with_name("board.cpp")
CYCLE = 65536
"""Fractions of a clock cycle in which the harness measures the bits of the host."""

NEVER = 1 << 62
MISSING_STOP = 256
"""Added by the harness to a byte whose stop bit is missing."""


def board_with_flash(verilog: str, divisor: int, weights: Path, offset: int, *,
                     netlist: bool = False, bit_error: float = 0.0) -> BoardModel:
    """Return the model of a board that loads its weights from a simulated SPI flash.

    Parameters
    ----------
    verilog, divisor, bit_error
        As in ``BoardModel``; ``verilog`` has the module ``BOARD_TOP``.
    weights : Path
        Contents of the flash.
    offset : int
        Address at which they start.
    netlist : bool
        ``verilog`` is a netlist with models of its cells.
    """
    models = () if netlist else (SPRAM_MODEL,)
    return BoardModel(verilog, divisor, top=TOP_WITH_FLASH,
                      sources=[Path(__file__).with_name("spi_flash.v"), *models],
                      defines=() if netlist else ("BNNHW_SPRAM",), bit_error=bit_error,
                      arguments=[f"+flash={weights}", f"+flash_offset={offset}"])


def build_board(verilog: str, *, top: str = BOARD_TOP, sources: Sequence[Path] = (),
                defines: Sequence[str] = ()) -> Path:
    """Compile the Verilog or netlist of a board together with the harness of its serial line.

    Parameters
    ----------
    verilog : str
        Text of the board.
    top : str
        Its top module.
    sources : sequence of Path
        Further Verilog files, such as a vendor's cell models, which are read first.
    defines : sequence of str
        Macros ``NAME`` or ``NAME=VALUE`` for all of the Verilog.
    """
    texts = {f"source{k}_{path.name}": path.read_text() for k, path in enumerate(sources)}
    return build_library(top, HARNESS, {**texts, "board.v": verilog},
                         flags=[f"-D{define}" for define in defines])


@functools.cache
def _load(library: Path) -> ctypes.CDLL:
    """Load a compiled board, and declare the types of its functions."""
    loaded = ctypes.CDLL(str(library))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    for name, result, arguments in (
            ("new", pointer, [number, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]),
            ("delete", None, [pointer]),
            ("send", None, [pointer, ctypes.c_char_p, number, ctypes.c_int]),
            ("hold", None, [pointer, ctypes.c_int, number]),
            ("cut", None, [pointer, number]),
            ("run", number, [pointer, number, number, number]),
            ("cycle", number, [pointer]), ("quiet", number, [pointer]),
            ("waiting", number, [pointer]), ("take", None, [pointer, pointer, pointer])):
        function = getattr(loaded, f"board_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded


class BoardModel:
    """A simulated board, powered on in the first cycle.

    Parameters
    ----------
    verilog : str
        Text of the board, or its netlist after place and route.
    divisor : int
        Clock cycles per bit on the serial line.
    top, sources, defines
        As in ``build_board``.
    bit_error : float
        Deviation of the host's bit length from that of the board in percent, between -50 and 50.
        The host sends and receives with it.
    arguments : sequence of str
        Arguments ``+NAME=VALUE`` for the Verilog (``$value$plusargs``).
    """

    def __init__(self, verilog: str, divisor: int, *, top: str = BOARD_TOP,
                 sources: Sequence[Path] = (), defines: Sequence[str] = (),
                 bit_error: float = 0.0, arguments: Sequence[str] = ()):
        if divisor < 2:
            raise ConfigError(f"a bit of {divisor} clock cycles is too short", where="divisor")
        if not -50 < bit_error < 50:
            raise ConfigError(f"a bit error of {bit_error} % is not between -50 and 50")
        self.divisor = divisor
        self._bit = round(divisor * (1 + bit_error / 100) * CYCLE)
        self._lib = _load(build_board(verilog, top=top, sources=sources, defines=defines))
        self._arguments = [name.encode() for name in ("board", *arguments)]
        self._board: int | None = self._new()
        self.framing_errors = 0
        """Number of bytes of the board whose stop bit was missing."""
        self.received_at: np.ndarray = np.zeros(0, dtype=np.int64)
        """Cycle of the stop bit of each byte that the last ``receive`` returned."""

    def __enter__(self) -> BoardModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the model. Closing twice is not an error; using it afterwards is one."""
        board, self._board = self._board, None
        if board is not None:
            self._lib.board_delete(board)

    def power_cycle(self) -> None:
        """Restart the board: all registers as after configuration, and idle lines."""
        self.close()
        self._board = self._new()

    def _new(self) -> int:
        count = len(self._arguments)
        return int(self._lib.board_new(self._bit, count,
                                       (ctypes.c_char_p * count)(*self._arguments)))

    @property
    def cycles(self) -> int:
        """Clock cycles since power-on."""
        return int(self._lib.board_cycle(self._handle))

    @property
    def quiet(self) -> int:
        """Clock cycles for which both lines have been idle; 0 while something is sent."""
        return int(self._lib.board_quiet(self._handle))

    @property
    def waiting(self) -> int:
        """Bytes of the board that wait to be received."""
        return int(self._lib.board_waiting(self._handle))

    @property
    def _handle(self) -> int:
        if self._board is None:
            raise ValueError("the model of the board is closed")
        return int(self._board)

    def send(self, data: bytes) -> None:
        """Send bytes to the board, after those that are still being sent."""
        self._lib.board_send(self._handle, data, len(data), 1)

    def send_broken(self, data: bytes) -> None:
        """Send bytes without stop bits to the board."""
        self._lib.board_send(self._handle, data, len(data), 0)

    def hold(self, level: int, cycles: int) -> None:
        """Hold the host's line at 0 (a break, or an unplugged cable) or 1 (idle)."""
        self._lib.board_hold(self._handle, level, cycles)

    def cut(self, low_cycles: int = 0) -> None:
        """Drop the bytes that are not sent yet, even within a byte, and hold the line low."""
        self._lib.board_cut(self._handle, low_cycles)

    def run(self, cycles: int, *, received: int = NEVER, quiet: int = NEVER) -> int:
        """Simulate clock cycles, and return their number.

        Parameters
        ----------
        cycles : int
            Largest number of cycles.
        received : int
            Stop when this many bytes of the board wait to be received.
        quiet : int
            Stop when both lines have been idle for this many cycles.
        """
        return int(self._lib.board_run(self._handle, cycles, received, quiet))

    def receive(self) -> bytes:
        """Return the bytes that the board has sent; bytes without a stop bit are only counted."""
        count = self.waiting
        values, cycles = np.zeros(count, np.uint16), np.zeros(count, np.int64)
        self._lib.board_take(self._handle, values.ctypes.data, cycles.ctypes.data)
        valid = values < MISSING_STOP
        self.framing_errors += int(count - valid.sum())
        self.received_at = cycles[valid]
        return values[valid].astype(np.uint8).tobytes()

    def exchange(self, data: bytes, answer: int, patience: int) -> bytes:
        """Send bytes and return the answer of the board.

        Parameters
        ----------
        data : bytes
        answer : int
            Bytes to wait for.
        patience : int
            Cycles for which both lines may be idle before the wait ends; fewer than ``answer``
            bytes are then returned.
        """
        self.send(data)
        self.run(NEVER, received=answer, quiet=patience)
        return self.receive()

    def speed(self, cycles: int = 20_000) -> float:
        """Simulate some cycles, and return the speed in cycles per second."""
        begin = time.perf_counter()
        passed = self.run(cycles)
        return passed / max(time.perf_counter() - begin, 1e-6)
