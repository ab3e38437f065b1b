"""Tests programming boards: checks of bitstreams, commands, and the outcome of programmers."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.errors import BnnhwError, ConfigError, LinkError, PlanError, ToolError
from bnnhw.platforms import Board, boards, get_board
from bnnhw.platforms.base import Usb
from bnnhw.tools.bitstream import check_bitstream, dfu_file
from bnnhw.tools.program import Programming, judge, locate, plan_programming
from bnnhw.tools.programmers import find_tools, select_device
from tests.tools.boards import bitstream, of_board

BOARDS = list(boards().values())
ICE, ULX, CRAB = (get_board(name) for name in ("icebreaker", "ulx3s_85f", "orangecrab_85f"))
each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


@each_board
def test_a_board_accepts_bitstreams_for_it(board: Board) -> None:
    check_bitstream(board, of_board(board), "x")


@pytest.mark.parametrize(("board", "family", "device", "message"), [
    ("icebreaker", "ice40", "8k", "for iCE40HX4K or iCE40HX8K or iCE40LP8K, but 1BitSquared"),
    ("hx8k_evn", "ice40", "5k", "for iCE40UP5K"),
    ("ulx3s_45f", "ecp5", "LFE5U-85F", "for LFE5U-85F, but Radiona ULX3S 45F"),
    ("ulx3s_12f", "ecp5", "LFE5U-25F", "for LFE5U-25F"),
    ("ulx3s_85f", "ecp5", "LFE5UM5G-85F", "for LFE5UM5G-85F"),
    ("orangecrab_85f", "ecp5", "LFE5U-85F LFE5U-85F-6CABGA381", "for LFE5U-85F-6CABGA381"),
    ("tang_nano_20k", "gowin", "GW1N-9C", "for GW1NR-LV9"),
    ("icebreaker", "ecp5", "LFE5U-85F", "does not begin like an iCE40 bitstream"),
    ("ulx3s_85f", "ice40", "5k", "does not begin like an ECP5 bitstream"),
    ("ulx3s_85f", "gowin", "GW1N-9C", "does not begin like an ECP5 bitstream"),
    ("tang_nano_9k", "ecp5", "LFE5U-85F", "is not a text of 0 and 1"),
])
def test_bitstreams_of_others_are_refused(board: str, family: str, device: str,
                                          message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check_bitstream(get_board(board), bitstream(family, device), "x.bit")
    assert f"`board={board}`" in str(caught.value)


def test_the_right_package_is_taken() -> None:
    data = bitstream("ecp5", "LFE5U-85F LFE5U-85F-6CABGA381")
    check_bitstream(ULX, data, "x.bit")


@given(st.sampled_from(["icebreaker", "ulx3s_85f", "tang_nano_9k"]), st.floats(0, 0.99))
def test_a_part_of_a_bitstream_is_refused(name: str, share: float) -> None:
    board = get_board(name)
    data = of_board(board)
    cut = data[:min(int(len(data) * share), len(data) - 600)]
    with pytest.raises(ConfigError, match=r"expected a bitstream for"):
        check_bitstream(board, cut, "x.bit")


@given(st.binary(max_size=2000),
       st.sampled_from(["", "ff00", "ff00ffffbdb3", "7eaa997e", "30310a"]))
def test_rubbish_is_refused_in_words(data: bytes, start: str) -> None:
    for board in (ICE, ULX, get_board("tang_nano_9k")):
        with pytest.raises(ConfigError):
            check_bitstream(board, bytes.fromhex(start) + data, "x")


def test_dfu_suffix() -> None:
    """The suffix that dfu-suffix (dfu-util 0.11) appends to a thousand zeros."""
    made = dfu_file(bytes(1000), Usb(0x1209, 0x5AF0))
    assert made[1000:].hex() == "fffff05a0912000155464410008bc0e0"


def test_dfu_suffix_as_the_tool_has_it(tmp_path: Path) -> None:
    tools = find_tools("dfu-suffix")
    if not tools:
        pytest.skip("dfu-suffix is not installed")
    (tmp_path / "x").write_bytes(b"bits" * 77)
    subprocess.run([tools[0], "-v", "1209", "-p", "5af0", "-a", "x"], cwd=tmp_path, check=True,
                   capture_output=True)
    assert (tmp_path / "x").read_bytes() == dfu_file(b"bits" * 77, Usb(0x1209, 0x5AF0))


def folder_of(board: Board, folder: Path) -> Path:
    """A build folder with a record and an empty bitstream."""
    folder.mkdir()
    (folder / "board.json").write_text(json.dumps({"board": board.name}))
    name = {"ice40": "board.bin", "ecp5": "board.bit", "gowin": "board.fs"}[board.family.name]
    (folder / name).write_bytes(of_board(board))
    return folder


@each_board
def test_a_build_folder_names_board_and_bitstream(board: Board, tmp_path: Path) -> None:
    folder = folder_of(board, tmp_path / "b")
    found, file = locate(folder, None)
    assert found is board
    assert file.parent == folder
    assert locate(file, None) == (board, file)
    assert locate(folder, board.name) == (board, file)
    other = next(b for b in BOARDS if b is not board)
    for target in (folder, file):
        with pytest.raises(ConfigError, match=f"built for '{board.name}', not for '{other.name}'"):
            locate(target, other.name)


def test_what_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no board\.json"):
        locate(tmp_path, None)
    for board in (None, "ulx3s_85f"):
        for missing in (tmp_path / "x.bit", tmp_path / "no/such/folder"):
            with pytest.raises(ConfigError, match="does not exist"):
                locate(missing, board)
    (tmp_path / "x.bit").touch()
    with pytest.raises(ConfigError, match="name it with `board=`"):
        locate(tmp_path / "x.bit", None)
    for text in ("", "[]", "{}", "[" * 100_000, "\xff"):
        (tmp_path / "board.json").write_text(text)
        with pytest.raises(ConfigError, match="is damaged"):
            locate(tmp_path, None)
    (tmp_path / "board.json").write_text('{"board": "icebreaker"}')
    with pytest.raises(ConfigError, match=r"has no board\.bin; build the design again"):
        locate(tmp_path, None)
    (tmp_path / "board.json").write_text('{"board": "zedboard"}')
    with pytest.raises(PlanError, match="unknown board 'zedboard'"):
        locate(tmp_path, None)


@each_board
@pytest.mark.parametrize("persistent", [False, True])
def test_commands(board: Board, persistent: bool, tmp_path: Path) -> None:
    """With any installed tool, persistent commands write the flash, and volatile ones do not."""
    _, file = locate(folder_of(board, tmp_path / "b"), None)
    if (board.programmer.persistent if persistent else board.programmer.volatile) is None:
        with pytest.raises(PlanError, match="only, in its flash; use `persistent=True`"):
            plan_programming(board, file, persistent)
        return
    plan = plan_programming(board, file, persistent)
    for command in plan.commands:
        assert command[-1] == plan.file
        assert Path(command[0]).name == plan.tool
        if plan.tool == "openFPGALoader" and "--dfu" not in command:
            assert ("-m" in command, "-f" in command) == (not persistent, persistent)
        elif plan.tool == "openFPGALoader":
            assert command[command.index("--altsetting") + 1] == "0"
        elif plan.tool == "iceprog":
            assert ("-S" in command) == (not persistent)
        elif plan.tool == "dfu-util":
            assert command[1:-1] == ("-d", "1209:5af0", "-a", "0", "-D")
            assert plan.copied
    assert plan.copied == (plan.tool == "dfu-util")


def test_one_of_several_devices() -> None:
    assert select_device("openFPGALoader", "1:04") == ("--busdev-num", "1:4")
    assert select_device("iceprog", "1:4") == ("-d", "d:001/004")
    assert select_device("dfu-util", "1:4") == ("-n", "4")
    assert select_device("iceprog", None) == ()
    for wrong in ("", "1", "1:", "1:-4", "a:b", "1:4 -f", "1:4000"):
        with pytest.raises(PlanError, match="`usb=BUS:NUMBER`"):
            select_device("iceprog", wrong)


# What the tools print: recorded, shortened.
NO_FTDI = "write to ram\nunable to open ftdi device: -3 (device not found)\n" \
    "JTAG init failed with: unable to open ftdi device\n"
ICEPROG = "init..\ncdone: high\nreset..\ncdone: low\nprogramming..\ncdone: {}\nBye.\n"
OUTCOMES: list[tuple[Board, int, str, type[BnnhwError] | None, str]] = [
    (ULX, 0, "write to ram\nOpen file DONE\nLoading: [====] 100.00%\rDone\n", None, ""),
    (ULX, 1, NO_FTDI, LinkError, "was not found: write to ram; unable to open"),
    (ULX, 1, "unable to open ftdi device: -4 (usb_open() failed)\n", LinkError, "70-bnnhw.rules"),
    (ULX, 1, "JTAG init failed with: x\nError: no device found\n", LinkError, "was not found"),
    (ULX, 127, "openFPGALoader: error while loading shared libraries: libusb-1.0.so.0: cannot open "
     "shared object file: No such file or directory\n", ToolError, "libusb-1.0.so.0; apt install"),
    (ULX, 1, "Jtag: support for cmsisdap was not enabled at compile time\n", ToolError,
     "built without support"),
    (ULX, 3, "", ToolError, "failed (exit code 3): exit code 3"),
    (ICE, 0, ICEPROG.format("high"), None, ""),
    (ICE, 0, ICEPROG.format("low"), ToolError, "did not start with this bitstream"),
    (ICE, 0, "Parse file DONE\nWait for CDONE FAIL\n", ToolError, "needs the jumpers"),
    (ICE, 0, "Parse file DONE\nWait for CDONE DONE\n", None, ""),
    (ICE, 0, "Parse file FAIL\nFAIL\n", ToolError, "failed"),
    (ICE, 2, "init..\nCan't find iCE FTDI USB device (vendor_id 0x0403).\nABORT.\n", LinkError,
     "'bnnhw doctor' lists"),
    (CRAB, 74, "dfu-util 0.11\n\nCopyright 2005-2009 W\nThis program is Free Software and has\n"
     "dfu-util: No DFU capable USB device available\n", LinkError,
     "was not found: dfu-util 0.11; dfu-util: No DFU capable USB device available; hold button 0"),
    (CRAB, 74, "Download done.\nDFU state(7) = dfuMANIFEST, status(0) = No error\ndfu-util: unable "
     "to read DFU status after completion (LIBUSB_ERROR_NO_DEVICE)\n", None, ""),
    (CRAB, 74, "dfu-util: Cannot open DFU device 1209:5af0 found on devnum 7 (LIBUSB_ERROR_ACCESS)"
     "\n", LinkError, "no permission to open"),
]


@pytest.mark.parametrize(("board", "code", "message", "error", "text"), OUTCOMES)
def test_outcomes(board: Board, code: int, message: str, error: type[BnnhwError] | None,
                  text: str) -> None:
    persistent = board.programmer.volatile is None
    plan = Programming(board, Path("x"), persistent, ((board.programmer.tool, "x"),), "x", True)
    if error is None:
        judge(plan, code, message)
        return
    with pytest.raises(error) as caught:
        judge(plan, code, message)
    assert text in str(caught.value)
    assert caught.value.exit_code == (7 if error is LinkError else 6)


# Verification of a flash that fails, and other stops of iceprog with the FPGA held in reset.
UNVERIFIED = [
    (ICE, 3, "init..\ncdone: high\nreset..\ncdone: low\nflash ID: 0xEF 0x40 0x18 0x00\n"
     "programming..\nreading..\nFound difference between flash and file!\nABORT.\n"),
    (ULX, 1, "Writing: [====] 100.00%\nDone\nVerifying write (May take time)\n"
     "Fail\nError: Verification failed at 4096\n"),
    (CRAB, 74, "DFU state(10) = dfuERROR, status(7) = Programmed memory failed verification.\n"),
]


@pytest.mark.parametrize(("board", "code", "message"), UNVERIFIED)
def test_a_flash_that_does_not_verify(board: Board, code: int, message: str) -> None:
    plan = Programming(board, Path("x"), True, ((board.programmer.tool, "x"),), "x", True)
    with pytest.raises(ToolError, match="verification failed: the flash of") as caught:
        judge(plan, code, message)
    assert "did not start" not in str(caught.value)
    assert "persistent=" not in str(caught.value)


@each_board
@pytest.mark.parametrize("message", ["cdone: high\nreset..\ncdone: low\nABORT.\n", "failed\n",
                                     "Wait for CDONE FAIL\n", "no device found\n"])
def test_no_advice_that_was_followed(board: Board, message: str) -> None:
    """Errors after writing the flash advise neither writing the flash nor the serial line."""
    plan = Programming(board, Path("x"), True, ((board.programmer.tool, "x"),), "x", True)
    with pytest.raises(BnnhwError) as caught:
        judge(plan, 1, message)
    assert "persistent=" not in str(caught.value)
    assert "serial line" not in str(caught.value)
    assert "persistent=" not in board.programmer.persistent_note


def test_a_board_without_persistent_programming(tmp_path: Path) -> None:
    board = replace(ULX, programmer=replace(ULX.programmer, persistent=None))
    (tmp_path / "x.bit").write_bytes(of_board(ULX))
    with pytest.raises(PlanError, match="never persistently; leave out `persistent=`"):
        plan_programming(board, tmp_path / "x.bit", True)
