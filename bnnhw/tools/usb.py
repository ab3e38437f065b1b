"""Finds USB devices and serial ports through files of the Linux kernel, without a library."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.platforms import Board, boards
from bnnhw.platforms.base import Usb

__all__ = ["RULES_FILE", "Port", "UsbDevice", "access_of", "boards_of", "device_group",
           "serial_ports", "udev_rules", "usb_devices"]

ROOT = Path("/")
RULES_FILE = "/etc/udev/rules.d/70-bnnhw.rules"
"""The number is below 73, where logind gives the logged-in user access to tagged devices."""
_GROUPS = ("plugdev", "dialout", "uucp")


@dataclass(frozen=True)
class Port:
    """A serial port: its device file, and whether it may be opened (see ``access_of``)."""

    path: str
    access: str


@dataclass(frozen=True)
class UsbDevice:
    """A device on the bus.

    Attributes
    ----------
    usb : Usb
    bus, number : int
        Address on the bus, as in ``usb=BUS:NUMBER``.
    maker, title : str
        Manufacturer and product strings.
    access : str
        Access to its node under ``/dev/bus/usb``, see ``access_of``.
    ports : tuple of Port
        Its serial ports, by interface. If a board uses one interface for programming and another
        for the serial line, the last port is the serial line.
    """

    usb: Usb
    bus: int
    number: int
    maker: str
    title: str
    access: str
    ports: tuple[Port, ...]


def usb_devices(root: Path = ROOT) -> list[UsbDevice]:
    """List the devices on the bus; systems other than Linux give none.

    Parameters
    ----------
    root : Path
        Folder that contains ``sys`` and ``dev``.
    """
    bus = root / "sys/bus/usb/devices"
    folders = sorted(bus.iterdir()) if bus.is_dir() else []
    found = (_device(folder, root) for folder in folders if ":" not in folder.name)
    return sorted((device for device in found if device is not None),
                  key=lambda device: (device.bus, device.number))


def _device(folder: Path, root: Path) -> UsbDevice | None:
    try:
        usb = Usb(int(_text(folder / "idVendor"), 16), int(_text(folder / "idProduct"), 16))
        bus, number = int(_text(folder / "busnum")), int(_text(folder / "devnum"))
    except ValueError:  # the device was unplugged meanwhile
        return None
    # Interfaces are folders such as 1-4:1.0. Drivers of USB serial adapters list the port there,
    # drivers of modems one folder deeper.
    names = [port.name for interface in sorted(folder.glob("*:*"))
             for port in sorted([*interface.glob("ttyUSB*"), *interface.glob("tty/tty*")])]
    ports = tuple(Port(f"/dev/{name}", access_of(root / "dev" / name)) for name in names)
    return UsbDevice(usb, bus, number, _text(folder / "manufacturer"), _text(folder / "product"),
                     access_of(root / f"dev/bus/usb/{bus:03}/{number:03}"), ports)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def access_of(path: Path) -> str:
    """Whether a device can be opened for reading and writing: ``ok``, ``denied`` or ``missing``."""
    try:
        path.stat()
    except PermissionError:
        return "denied"
    except OSError:
        return "missing"
    effective = os.access in os.supports_effective_ids
    return "ok" if os.access(path, os.R_OK | os.W_OK, effective_ids=effective) else "denied"


def boards_of(device: UsbDevice) -> list[Board]:
    """Boards that a device can be, by its USB numbers and then by words of its title.

    Many boards have the numbers of a common USB chip; words that also occur in the title of a board
    then decide.
    """
    same = [board for board in boards().values() if device.usb in board.programmer.usb]
    words = _long_words(f"{device.maker} {device.title}")
    shared = [len(words & _long_words(board.title)) for board in same]
    return [board for board, count in zip(same, shared, strict=True) if count == max(shared)]


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z0-9]{4,}", text.lower()) if word != "board"}


def serial_ports(root: Path = ROOT) -> list[Port]:
    """List the serial ports of USB devices, including devices that are not boards."""
    paths = [path for pattern in ("ttyUSB*", "ttyACM*", "cu.usb*")
             for path in (root / "dev").glob(pattern)]
    return [Port(f"/dev/{path.name}", access_of(path)) for path in sorted(paths)]


def device_group(root: Path = ROOT) -> str | None:
    """The group that owns USB devices on this system; None if no known group exists."""
    known = {line.split(":")[0] for line in _text(root / "etc/group").splitlines()}
    return next((group for group in _GROUPS if group in known), None)


def udev_rules(of: Iterable[Board] | None = None, group: str | None = None) -> str:
    """Return udev rules that let users open the boards.

    Parameters
    ----------
    of : iterable of Board or None
        None for all.
    group : str or None
        Group that gets access in addition to the user at the machine; a remote login needs it.
    """
    chosen = boards().values() if of is None else of
    pairs = sorted({(usb.vendor, usb.product) for b in chosen for usb in b.programmer.usb})
    for_group = "" if group is None else f'MODE="0660", GROUP="{group}", '
    lines = ["# Boards of bnnhw: their programmers, and their serial lines."]
    for vendor, product in pairs:
        device = f'ATTRS{{idVendor}}=="{vendor:04x}", ATTRS{{idProduct}}=="{product:04x}"'
        lines += [f'SUBSYSTEM=="usb|hidraw", {device}, {for_group}TAG+="uaccess"',
                  f'SUBSYSTEM=="tty", {device}, TAG+="uaccess"']
    return "\n".join(lines) + "\n"
