"""Ports: a serial device, or a simulated board behind a pseudo-terminal."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, Any

from bnnhw.errors import LinkError, ToolError
from bnnhw.extras import install_command

if TYPE_CHECKING:
    from bnnhw.sim.board_server import SimulatedBoard

__all__ = ["PortError", "SerialPort", "SimulatedPort", "usb_ports"]

POLL_SECONDS = 0.02
WRITE_SECONDS = 5.0


class PortError(LinkError):
    """The port itself is gone, or cannot be opened."""


class SerialPort:
    """A serial device, 8N1.

    Parameters
    ----------
    path : str
        Such as ``/dev/ttyUSB1`` or ``COM3``.
    baud : int
        Bits a second.

    Attributes
    ----------
    slack : float
        Seconds by which an answer may be late for reasons that are not the board's: the adapter
        on the bus, and the operating system.
    """

    slack = 0.3

    def __init__(self, path: str, baud: int):
        self.path, self.baud = path, baud
        self._serial: Any = None

    @property
    def scale(self) -> float:
        """Seconds that pass here while one passes on the board."""
        return 1.0

    def now(self) -> float:
        """Seconds on the board's own time scale."""
        return time.monotonic()

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        """Open it, and drop what it holds from before.

        Raises
        ------
        PortError
        ToolError
            pyserial is not installed.
        """
        serial = _pyserial()
        self.close()
        try:
            self._serial = serial.Serial(self.path, self.baud, timeout=POLL_SECONDS,
                                         write_timeout=WRITE_SECONDS, exclusive=True)
            self._serial.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError) as error:
            self.close()
            raise PortError(f"cannot be opened: {_reason(error)}", where=self.path,
                            hint=_hint(error)) from None

    def close(self) -> None:
        """Close it; twice is no error, nor is a device that is gone."""
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def read(self, wait: bool) -> bytes:
        """What has come; with ``wait`` it may take ``POLL_SECONDS`` to find that nothing has."""
        try:
            held = self._serial.in_waiting
            return bytes(self._serial.read(max(1, held))) if held or wait else b""
        except (OSError, TypeError) as error:  # TypeError: closed under pyserial's hands
            raise self._lost(error) from None

    def write(self, data: bytes) -> None:
        """Give bytes to the device."""
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._lost(error) from None

    def discard(self) -> None:
        """Drop what was written and has not left yet, and what has come."""
        try:
            self._serial.reset_output_buffer()
            self._serial.reset_input_buffer()
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> PortError:
        self.close()
        return PortError(f"was lost: {_reason(error)}", where=self.path,
                         hint="check the cable and the board's power")


class SimulatedPort(SerialPort):
    """The pseudo-terminal of a simulated board, whose time is the simulation's.

    Parameters
    ----------
    board : SimulatedBoard
        Closed together with the port's owner, by ``shut``.
    baud : int
    """

    slack = 3.0

    def __init__(self, board: SimulatedBoard, baud: int):
        super().__init__(board.path, baud)
        self.board = board

    @property
    def scale(self) -> float:
        return float(self.board.scale)

    def now(self) -> float:
        return float(self.board.seconds)

    def open(self) -> None:
        self.path = self.board.path or "unplugged board"
        super().open()


def usb_ports() -> list[tuple[str, str]]:
    """Serial ports behind USB: their paths, and what their devices call themselves."""
    _pyserial()
    from serial.tools import list_ports
    return sorted((str(port.device), str(port.description)) for port in list_ports.comports()
                  if port.vid is not None)


def _pyserial() -> Any:
    try:
        import serial
    except ImportError:
        raise ToolError("pyserial is not installed", hint=install_command("host")) from None
    return serial


def _reason(error: Exception) -> str:
    """The operating system's words where it has any: they name no path a second time."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error) or type(error).__name__


def _hint(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return "your user may not open it: join the group that owns it (dialout, uucp), log in anew"
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return "another program has it open: close its terminal or monitor"
    present = [path for path, _ in usb_ports()]
    return f"ports that are there: {', '.join(present)}" if present else \
        "no serial port of a USB device is there: check the cable and the board's power"
