"""A whole board in Verilator, driven through its serial line bit by bit."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.sim.build import build_library

__all__ = ["TOP", "BoardModel", "board_with_flash", "build_board"]

TOP = "bnnhw_board"
"""Top module of a board; its ports are clk, uart_rx and uart_tx."""

TOP_WITH_FLASH = "bnnhw_board_and_flash"
HARNESS = Path(__file__).with_name("board.cpp")
CYCLE = 65536
NEVER = 1 << 62
MISSING_STOP = 256


def board_with_flash(verilog: str, divisor: int, weights: Path, offset: int, *,
                     netlist: bool = False, bit_error: float = 0.0) -> BoardModel:
    """A board that loads its weights from a flash, word by word as the real one does.

    Parameters
    ----------
    verilog, divisor, bit_error
        As of ``BoardModel``; the text is the one that ``bnnhw build`` writes, of module ``TOP``.
    weights : Path
        What is in the flash.
    offset : int
        Where it begins there.
    netlist : bool
        The text is a netlist, and brings models of its cells.
    """
    models = () if netlist else ("spram.v",)
    return BoardModel(verilog, divisor, top=TOP_WITH_FLASH,
                      sources=[Path(__file__).with_name(name) for name in ("spi_flash.v", *models)],
                      defines=() if netlist else ("BNNHW_SPRAM",), bit_error=bit_error,
                      arguments=[f"+flash={weights}", f"+flash_offset={offset}"])


def build_board(verilog: str, *, top: str = TOP, sources: Sequence[Path] = (),
                defines: Sequence[str] = ()) -> Path:
    """Compile the Verilog of a board, or its netlist, with the harness of its serial line.

    Parameters
    ----------
    verilog : str
        Text of the board.
    top : str
        Its top module.
    sources : sequence of Path
        More Verilog, such as a vendor's cell models, read before it.
    defines : sequence of str
        ``NAME`` or ``NAME=VALUE``, for all of the Verilog.
    """
    texts = {f"source{k}_{path.name}": path.read_text() for k, path in enumerate(sources)}
    return build_library(top, HARNESS, {**texts, "board.v": verilog},
                         flags=[f"-D{define}" for define in defines])


@functools.cache
def _load(library: Path) -> ctypes.CDLL:
    """The functions of a compiled board, with the types of their arguments."""
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
    """A board that comes out of power-on with the first cycle.

    Parameters
    ----------
    verilog : str
        Text of the board, or the netlist that place and route wrote.
    divisor : int
        Clock cycles of a bit.
    top, sources, defines
        As in ``build_board``.
    bit_error : float
        By how many percent a bit of the host is longer than one of the board, under 50. The host
        sends and listens with it.
    arguments : sequence of str
        ``+NAME=VALUE`` for the Verilog.
    """

    def __init__(self, verilog: str, divisor: int, *, top: str = TOP,
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
        """Bytes of the board whose stop bit was missing, up to now."""
        self.received_at: np.ndarray = np.zeros(0, dtype=np.int64)
        """Cycle of the stop bit of each byte that ``receive`` gave last."""

    def __enter__(self) -> BoardModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give its memory back. Closing twice is no error; anything else afterwards is."""
        board, self._board = self._board, None
        if board is not None:
            self._lib.board_delete(board)

    def power_cycle(self) -> None:
        """Begin anew, with all registers as after configuration and nothing under way."""
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
        """Bytes of the board that ``receive`` would give."""
        return int(self._lib.board_waiting(self._handle))

    @property
    def _handle(self) -> int:
        if self._board is None:
            raise ValueError("the model of the board is closed")
        return int(self._board)

    def send(self, data: bytes) -> None:
        """Put bytes on the host's line, behind what is still to be sent."""
        self._lib.board_send(self._handle, data, len(data), 1)

    def send_broken(self, data: bytes) -> None:
        """Put bytes on the host's line that lack their stop bits."""
        self._lib.board_send(self._handle, data, len(data), 0)

    def hold(self, level: int, cycles: int) -> None:
        """Hold the host's line: 0 is a break, as of a cable that is pulled; 1 is silence."""
        self._lib.board_hold(self._handle, level, cycles)

    def cut(self, low_cycles: int = 0) -> None:
        """Drop what is still to be sent, in the middle of a byte too, and hold the line low."""
        self._lib.board_cut(self._handle, low_cycles)

    def run(self, cycles: int, *, received: int = NEVER, quiet: int = NEVER) -> int:
        """Let clock cycles pass, and return how many did.

        Parameters
        ----------
        cycles : int
            At most so many.
        received : int
            Stop when so many bytes of the board wait.
        quiet : int
            Stop when both lines were idle for so many cycles.
        """
        return int(self._lib.board_run(self._handle, cycles, received, quiet))

    def receive(self) -> bytes:
        """Take the bytes that the board has sent. Those without a stop bit are only counted."""
        count = self.waiting
        values, cycles = np.zeros(count, np.uint16), np.zeros(count, np.int64)
        self._lib.board_take(self._handle, values.ctypes.data, cycles.ctypes.data)
        whole = values < MISSING_STOP
        self.framing_errors += int(count - whole.sum())
        self.received_at = cycles[whole]
        return values[whole].astype(np.uint8).tobytes()

    def exchange(self, data: bytes, answer: int, patience: int) -> bytes:
        """Send bytes, and return what the board has answered then.

        Parameters
        ----------
        data : bytes
        answer : int
            Bytes to wait for.
        patience : int
            Cycles for which both lines may be idle before it is given up; no fewer bytes than
            ``answer`` mean that it was not.
        """
        self.send(data)
        self.run(NEVER, received=answer, quiet=patience)
        return self.receive()

    def speed(self, cycles: int = 20_000) -> float:
        """Simulate some cycles, and return how many a second were."""
        begin = time.perf_counter()
        passed = self.run(cycles)
        return passed / max(time.perf_counter() - begin, 1e-6)
