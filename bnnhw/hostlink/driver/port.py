"""Opens the serial port of a board: a serial device, or a simulated board's pseudo-terminal."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bnnhw.errors import LinkError, ToolError
from bnnhw.extras import install_command

if TYPE_CHECKING:
    from bnnhw.sim.board_server import SimulatedBoard

__all__ = ["PortError", "SerialPort", "SimulatedPort", "usb_ports"]

POLL_SECONDS = 0.02
"""Longest time that a read waits for a byte."""

WRITE_SECONDS = 5.0
"""Time after which a write fails."""


class PortError(LinkError):
    """The port has disappeared or cannot be opened."""


class SerialPort:
    """A serial device with 8 data bits, no parity and one stop bit.

    Parameters
    ----------
    path : str
        Device, such as ``/dev/ttyUSB1`` or ``COM3``.
    baud : int
        Bits per second.

    Attributes
    ----------
    slack : float
        Additional time until a reply counts as missing, for the USB adapter and the operating
        system, in seconds.
    """

    slack = 0.3

    def __init__(self, path: str, baud: int):
        self.path, self.baud = path, baud
        self._serial: Any = None

    @property
    def scale(self) -> float:
        """Seconds of the host per second of the board; above 1 for a slow simulation."""
        return 1.0

    def now(self) -> float:
        """Return the current time of the board in seconds."""
        return time.monotonic()

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        """Open the port and drop bytes from before.

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
        """Close the port; it may be closed already, or its device may have disappeared."""
        if self._serial is not None:
            with contextlib.suppress(OSError):
                self._serial.close()
            self._serial = None

    def read(self, wait: bool) -> bytes:
        """Return received bytes; with ``wait``, wait for the first byte up to ``POLL_SECONDS``."""
        try:
            count = self._serial.in_waiting
            return bytes(self._serial.read(max(1, count))) if count or wait else b""
        except (OSError, TypeError) as error:  # pyserial raises TypeError if the port was closed
            raise self._lost(error) from None

    def write(self, data: bytes) -> None:
        """Write bytes to the device."""
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._lost(error) from None

    def discard(self) -> None:
        """Drop bytes that are not sent yet, and bytes that are received but not read."""
        try:
            self._serial.reset_output_buffer()
            self._serial.reset_input_buffer()
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: Exception) -> PortError:
        self.close()
        return PortError(f"was lost: {_reason(error)}", where=self.path,
                         hint="check the cable and the power of the board")


class SimulatedPort(SerialPort):
    """The pseudo-terminal of a simulated board; its time is simulated time.

    Parameters
    ----------
    board : SimulatedBoard
        The port does not stop it.
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
    """Return path and description of each USB serial port."""
    _pyserial()
    from serial.tools import list_ports
    return sorted((str(port.device), str(port.description)) for port in list_ports.comports()
                  if port.vid is not None)


def _pyserial() -> ModuleType:
    """Return the module ``serial``, or raise a ToolError."""
    try:
        import serial
    except ImportError:
        raise ToolError("pyserial is not installed", hint=install_command("host")) from None
    return serial


def _reason(error: Exception) -> str:
    """Return the message of the operating system, without the path."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error) or type(error).__name__


def _hint(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return "join the group that owns the port (dialout, uucp), and log in again"
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return "another program uses the port: close its terminal or monitor"
    present = [path for path, _ in usb_ports()]
    return f"available ports: {', '.join(present)}" if present else \
        "there is no USB serial port: check the cable and the power of the board"
