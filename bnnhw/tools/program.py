"""Programs a board with its command-line tool, and explains why it failed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bnnhw.errors import ConfigError, LinkError, PlanError, ToolError
from bnnhw.hostlink.wire.board_record import RECORD, BoardRecord
from bnnhw.platforms import Board, get_board
from bnnhw.tools.bitstream import LARGEST, check_bitstream, dfu_file
from bnnhw.tools.programmers import INSTALL, LIBRARIES, choose_tool, missing_library
from bnnhw.tools.usb import RULES_FILE, UsbDevice, boards_of, usb_devices

__all__ = ["Programming", "judge", "locate", "plan_programming", "program"]

_ABSENT = ("device not found", "can't find ice ftdi", "no dfu capable usb", "no dfu compatible",
           "no device found", "no cmsis-dap", "no device present", "can't find device")
_DENIED = ("usb_open() failed", "libusb_error_access", "permission denied", "cannot open dfu",
           "unable to claim", "insufficient permissions")
_UNVERIFIED = ("found difference between flash and file", "verification failed",
               "failed verification", "verify failed", "errverify")
_BOILERPLATE = ("empty", "Copyright", "This program is Free Software", "Please report bugs")
_NOT_BUILT_IN = "not enabled at compile time"


@dataclass(frozen=True)
class Programming:
    """The commands that program a board, and the file that they write.

    Attributes
    ----------
    board : Board
    bitstream : Path
    persistent : bool
    commands : tuple of tuple of str
        The first one runs; the next one runs if the tool was built without support for the
        board's programmer.
    file : str
        File argument of the tool: the bitstream, or the name of a copy with a DFU suffix.
    installed : bool
        The tool was found.
    offset : int or None
        Byte address in the flash for weights; None for a bitstream. Writing weights does not
        change the bitstream, so the board may have none to start with.
    """

    board: Board
    bitstream: Path
    persistent: bool
    commands: tuple[tuple[str, ...], ...]
    file: str
    installed: bool
    offset: int | None = None

    @property
    def tool(self) -> str:
        """Name of the program that runs first."""
        return Path(self.commands[0][0]).name

    @property
    def copied(self) -> bool:
        """Whether a copy of the bitstream is written, in another format."""
        return self.file != str(self.bitstream)

    @property
    def memory(self) -> str:
        """Name of the memory that is written, for messages."""
        return "the flash" if self.persistent else "the configuration memory"

    @property
    def where(self) -> str:
        """The memory that is written, and how long it keeps its contents, for messages."""
        return self.memory if self.persistent else f"{self.memory}, until power-off"


def locate(target: Path, board: str | None) -> tuple[Board, Path]:
    """Find the board and the bitstream of a build folder or a bitstream file.

    Parameters
    ----------
    target : Path
        Build folder or bitstream.
    board : str or None
        Required for a file without ``board.json`` in its folder.

    Raises
    ------
    ConfigError
        There is no bitstream, or it was built for another board.
    """
    if not target.exists():
        raise ConfigError("does not exist", where=str(target),
                          hint="build the design for a board first")
    folder = target if target.is_dir() else target.parent
    built = _built_for(folder)
    if target.is_dir() and built is None:
        raise ConfigError("is not a build folder: it has no board.json", where=str(target),
                          hint="build the design for a board first")
    name = board or built
    if name is None:
        raise ConfigError("does not name its board", where=str(target),
                          hint="name it with `board=`")
    found = get_board(name)
    is_build = built is not None and (target.is_dir() or target.stem == "board")
    if is_build and built != found.name:
        raise ConfigError(f"was built for '{built}', not for '{found.name}'", where=str(target),
                          hint=f"leave out `board=`, or build the design for `board={found.name}`")
    bitstream = target / found.family.need_flow().packer.file if target.is_dir() else target
    if not bitstream.is_file():
        raise ConfigError(f"has no {bitstream.name}" if target.is_dir() else "is not a file",
                          where=str(target), hint="build the design again")
    return found, bitstream


def _built_for(folder: Path) -> str | None:
    """Name of the board that a folder was built for; None if it is not a build folder."""
    return BoardRecord.read(folder).board if (folder / RECORD).is_file() else None


def plan_programming(board: Board, bitstream: Path, persistent: bool,
                     usb: str | None = None) -> Programming:
    """Choose the tool and its arguments, and check the bitstream.

    Parameters
    ----------
    board : Board
    bitstream : Path
    persistent : bool
        Write the flash instead of the configuration memory.
    usb : str or None
        ``BUS:NUMBER`` of the device; required if several boards are connected.

    Raises
    ------
    PlanError
        The board does not support this kind of programming.
    ConfigError
        The file is not a bitstream for the board.
    """
    if board.programmer.arguments(persistent) is None:
        raise PlanError(f"{board.title} is programmed "
                        + ("until it loses power, never persistently" if persistent
                           else "persistently only, in its flash"),
                        hint="leave out `persistent=`" if persistent else "use `persistent=True`")
    try:
        with bitstream.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(bitstream)) from None
    check_bitstream(board, data, str(bitstream))
    tool, given, paths = choose_tool(board.programmer, persistent, usb)
    file = bitstream.with_suffix(".dfu").name if tool == "dfu-util" else str(bitstream)
    arguments = tuple(argument.format(bitstream=file) for argument in given)
    return Programming(board, bitstream, persistent, tuple(
        (str(path), *arguments) for path in paths or (tool,)), file, bool(paths))


def program(plan: Programming, usb: str | None = None) -> str:
    """Program a board, and return the output of the tool.

    Parameters
    ----------
    plan : Programming
    usb : str or None
        As for ``plan_programming``.

    Raises
    ------
    LinkError
        The board was not found, may not be opened, or several were found and ``usb`` is None.
    ToolError
        The tool is missing or failed.
    """
    board = plan.board
    if not plan.installed:
        raise ToolError(f"{plan.tool} is not installed", hint=INSTALL[plan.tool])
    present = [device for device in usb_devices() if board in boards_of(device)]
    if len(present) > 1 and usb is None:
        raise LinkError(f"{len(present)} devices can be {board.title}: "
                        + ", ".join(_described(device) for device in present),
                        hint="select one with `usb=BUS:NUMBER`")
    with tempfile.TemporaryDirectory(prefix="bnnhw-flash-") as scratch:
        folder = Path(scratch)
        if plan.copied:
            data = dfu_file(plan.bitstream.read_bytes(), board.programmer.usb[0])
            (folder / plan.file).write_bytes(data)
        working_folder = folder if plan.copied else Path.cwd()
        for command in plan.commands:
            try:
                result = subprocess.run(command, cwd=working_folder, text=True, errors="replace",
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
            except OSError as error:
                raise ToolError(f"{plan.tool} cannot be started: {error.strerror}",
                                hint=INSTALL[plan.tool]) from None
            output = result.stdout
            if _NOT_BUILT_IN not in output:
                break
    judge(plan, result.returncode, output)
    return output


def _described(device: UsbDevice) -> str:
    name = f"{device.maker} {device.title}".strip()
    return f"{device.bus}:{device.number} ({name or 'without a name'})"


def judge(plan: Programming, code: int, output: str) -> None:
    """Raise an error if programming failed; some tools end with 0 although the FPGA does not start.

    Parameters
    ----------
    plan : Programming
    code : int
        Exit code of the tool.
    output : str
        Everything that the tool printed.

    Raises
    ------
    LinkError
        The board was not found, or may not be opened.
    ToolError
        The tool failed for another reason.
    """
    # Tools redraw progress bars after a carriage return.
    lines = [line.strip() for line in re.split(r"[\r\n]+", output)
             if line.strip() and not line.startswith(_BOILERPLATE)]
    low = output.lower()
    board, tool = plan.board, plan.tool
    note = board.programmer.note(plan.persistent)
    if "download done" in low and "unable to read dfu status" in low:
        return  # the bootloader starts the design before it answers
    # A tool that fails keeps the FPGA in reset, so that CDONE is low for another reason.
    levels = re.findall(r"cdone: (low|high)", low) if code == 0 else []
    not_started = plan.offset is None and (levels[-1:] == ["low"] or "wait for cdone fail" in low)
    low = low if plan.offset is None else low.replace("wait for cdone fail", "")
    if code == 0 and not not_started and not re.search(r"^(error|fail)", low, re.MULTILINE):
        return
    if library := missing_library(output):
        raise ToolError(f"{tool} needs the library {library}", hint=LIBRARIES)
    if _NOT_BUILT_IN in output:
        raise ToolError(f"this openFPGALoader is built without support for {board.title}",
                        hint="install the package of your system (apt, dnf, pacman or brew install "
                             "openfpgaloader), which supports it")
    last = "; ".join(lines[-3:]) or f"exit code {code}"
    if any(word in low for word in _DENIED) or "ftdi device: -4" in low:
        raise LinkError(f"no permission to open {board.title}: {last}",
                        hint=f"'bnnhw doctor' prints the rules for {RULES_FILE}")
    if any(word in low for word in _ABSENT):
        button = f"{note}; " if board.programmer.volatile is None and note else ""
        raise LinkError(f"{board.title} was not found: {last}",
                        hint=f"{button}check cable and power; 'bnnhw doctor' lists the devices")
    if any(word in low for word in _UNVERIFIED):
        raise ToolError(f"verification failed: {plan.memory} of {board.title} differs from the "
                        f"written file: {last}",
                        hint="run it again; if it fails again, check power and cable, and whether "
                             "the flash is write-protected")
    if not_started:
        raise ToolError(f"{board.title} did not start with this bitstream: {last}",
                        hint=note or "build the design again, and check the board's jumpers")
    raise ToolError(f"{tool} failed (exit code {code}): {last}", hint=note or None)
