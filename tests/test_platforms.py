"""Tests the boards: pins, constraints, clock limits, programmers, and their page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.emit.board import BAUD_ERROR, divisor_of
from bnnhw.errors import PlanError
from bnnhw.families import DEVICES, FAMILIES
from bnnhw.hostlink.gateware.uart import MIN_DIVISOR
from bnnhw.platforms import Board, boards, get_board
from bnnhw.tools.programmers import INSTALL, find_tools, start_error
from bnnhw.tools.usb import udev_rules

PAGE = Path(__file__).parents[1] / "docs" / "boards.md"
BOARDS = list(boards().values())
PLLS = {name: pll for family in FAMILIES.values() if family.flow is not None
        for name, pll in family.flow.plls.items()}
KINDS = sorted({(board.clocks.pll, board.clocks.oscillator_hz) for board in BOARDS})
# Output ranges of the data sheets; icepll and ecppll refuse the same.
RANGE = {"ice40-pad": (16e6, 275e6), "ice40-core": (16e6, 275e6), "ecp5": (10e6, 400e6),
         "gw1nr-9c": (3.125e6, 600e6), "gw2ar-18c": (3.125e6, 625e6)}

each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


@each_board
def test_pins_and_constraints(board: Board) -> None:
    pins = board.ports()
    assert {"clk", "uart_rx", "uart_tx"} <= pins.keys()
    sites = [pin.site for pin in pins.values()]
    assert all(sites)
    assert len(set(sites)) == len(sites)
    name, text = board.constraints()
    assert name.startswith("board.")
    for port, pin in pins.items():
        assert re.search(rf'\b{port}"?( SITE)? "?{pin.site}\b', text), text
    megahertz = f"{board.clocks.oscillator_hz / 1e6:g}"
    assert megahertz in text or board.family.name == "gowin"


@each_board
def test_a_board_is_complete(board: Board) -> None:
    assert board.device in DEVICES
    assert board.clocks.pll in board.family.need_flow().plls
    clock = board.make_clock(board.clock_mhz)
    assert clock.hz == pytest.approx(board.clock_mhz * 1e6, rel=0.02)
    assert divisor_of(clock.hz, board.line.baud) >= MIN_DIVISOR
    assert get_board(board.name) is board


def test_an_unknown_board_names_the_known() -> None:
    with pytest.raises(PlanError, match="icebreaker, hx8k_evn"):
        get_board("zedboard")


def settings_of(verilog: str) -> dict[str, int]:
    """Numbers among a cell's parameters."""
    found = re.findall(r"\.(\w+)\((?:\d+'d)?(\d+)\)", verilog)
    return {name: int(value) for name, value in found}


def output_of(kind: str, hz: float, verilog: str) -> tuple[float, float, float]:
    """Frequency, and those of the comparison and of the oscillator, as the data sheets say."""
    s = settings_of(verilog)
    if kind.startswith("ice40"):
        compared = hz / (s["DIVR"] + 1)
        assert s["DIVR"] < 16
        assert s["DIVF"] < 128
        assert 1 <= s["DIVQ"] <= 6
        return compared * (s["DIVF"] + 1) / 2**s["DIVQ"], compared, compared * (s["DIVF"] + 1)
    if kind == "ecp5":
        assert 1 <= s["CLKI_DIV"] <= 128
        assert 1 <= s["CLKFB_DIV"] <= 80
        assert 1 <= s["CLKOP_DIV"] <= 128
        compared = hz / s["CLKI_DIV"]
        out = compared * s["CLKFB_DIV"]
        return out, compared, out * s["CLKOP_DIV"]
    assert s["IDIV_SEL"] < 64
    assert s["FBDIV_SEL"] < 64
    compared = hz / (s["IDIV_SEL"] + 1)
    out = compared * (s["FBDIV_SEL"] + 1)
    return out, compared, out * s["ODIV_SEL"]


LIMITS = {  # of the comparison, and of the oscillator
    "ice40-pad": ((10e6, 133e6), (533e6, 1066e6)), "ice40-core": ((10e6, 133e6), (533e6, 1066e6)),
    "ecp5": ((3.125e6, 400e6), (400e6, 800e6)), "gw1nr-9c": ((3e6, 400e6), (400e6, 1200e6)),
    "gw2ar-18c": ((3e6, 500e6), (500e6, 1250e6)),
}


@given(st.sampled_from(KINDS), st.floats(17, 250))
def test_clocks_are_legal_and_never_above_what_is_wanted(kind: tuple[str, float],
                                                         wanted: float) -> None:
    pll, oscillator = kind
    clock = PLLS[pll](oscillator, wanted * 1e6)
    assert clock.hz <= wanted * 1e6 * (1 + 1e-9) + 0.5
    assert clock.hz >= wanted * 1e6 * 0.8  # no PLL here has coarser steps
    if "`ifdef" not in clock.verilog:
        assert abs(wanted * 1e6 - oscillator) < 1
        return
    out, compared, vco = output_of(pll, oscillator, clock.verilog)
    assert clock.hz == round(out)
    for value, (low, high) in zip((compared, vco), LIMITS[pll], strict=True):
        assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
    low, high = RANGE[pll]
    assert low <= out <= high


@pytest.mark.parametrize(("pll", "oscillator", "wanted"), [
    ("ice40-pad", 12e6, 10e6), ("ice40-core", 12e6, 300e6), ("ecp5", 25e6, 5e6),
    ("ecp5", 25e6, 500e6)])
def test_the_output_range_is_kept(pll: str, oscillator: float, wanted: float) -> None:
    low, high = RANGE[pll]
    if wanted < low:
        with pytest.raises(PlanError, match="the lowest clock of its PLL is"):
            PLLS[pll](oscillator, wanted)
    else:
        assert low <= PLLS[pll](oscillator, wanted).hz <= high


@each_board
def test_the_oscillator_itself_needs_no_pll(board: Board) -> None:
    clock = board.make_clock(board.clocks.oscillator_hz / 1e6)
    assert clock.hz == board.clocks.oscillator_hz
    assert "SYNTHESIS" not in clock.verilog


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_clock_that_is_too_slow(kind: tuple[str, float]) -> None:
    with pytest.raises(PlanError, match="clock of 1 MHz; the lowest clock of its PLL is"):
        PLLS[kind[0]](kind[1], 1e6)


@given(st.floats(1e6, 300e6), st.integers(1200, 12_000_000))
def test_the_divisor_is_near_or_refused(clock_hz: float, baud: int) -> None:
    best = max(MIN_DIVISOR, round(clock_hz / baud))
    if abs(clock_hz / best / baud - 1) <= BAUD_ERROR:
        assert divisor_of(clock_hz, baud) == best
    else:
        with pytest.raises(PlanError, match="`baud="):
            divisor_of(clock_hz, baud)


def test_a_line_that_the_clock_cannot_make() -> None:
    with pytest.raises(PlanError, match=r"12 MHz makes .* away from the 5,000,000 of the line"):
        divisor_of(12e6, 5_000_000)


@each_board
def test_programmers(board: Board) -> None:
    """Volatile and persistent differ in an argument, whatever a tool does without one."""
    programmer = board.programmer
    assert programmer.tool in INSTALL
    assert programmer.usb
    assert programmer.volatile or programmer.persistent
    for arguments in (programmer.volatile, programmer.persistent):
        assert arguments is None or arguments.count("{bitstream}") == 1
    volatile, persistent = programmer.volatile or (), programmer.persistent or ()
    if programmer.tool == "openFPGALoader":
        assert ("-m" in volatile, "-f" in volatile) == (True, False)
        assert ("-m" in persistent, "-f" in persistent) == (False, True)
    elif programmer.tool == "iceprog":
        assert ("-S" in volatile, "-S" in persistent) == (True, False)
    elif programmer.tool == "dfu-util":  # an alternate setting can be the area of a bootloader
        assert persistent[persistent.index("-a") + 1] == "0"
        usb = programmer.usb[0]
        assert persistent[persistent.index("-d") + 1] == f"{usb.vendor:04x}:{usb.product:04x}"
        assert programmer.keeps


def test_openfpgaloader_knows_the_boards() -> None:
    tools = find_tools("openFPGALoader")
    if not tools or start_error(tools[0]) is not None:
        pytest.skip("openFPGALoader does not start here ('bnnhw doctor' explains why)")
    listed = subprocess.run([tools[0], "--list-boards"], capture_output=True, text=True).stdout
    known = {line.split()[0] for line in listed.splitlines() if line.strip()}
    wanted = {board.programmer.persistent[board.programmer.persistent.index("-b") + 1]
              for board in BOARDS if board.programmer.tool == "openFPGALoader"
              and board.programmer.persistent}
    assert wanted | {"ice40_generic"} <= known


def table() -> str:
    """The table of docs/boards.md."""
    lines = ["| board | title | part | oscillator, MHz | clock, MHz | serial line | baud | "
             "programmer | volatile | persistent |", "|" + " --- |" * 10]
    for b in BOARDS:
        programmer, oscillator_mhz = b.programmer, b.clocks.oscillator_hz / 1e6
        writes = ["no" if arguments is None else "yes"
                  for arguments in (programmer.volatile, programmer.persistent)]
        lines.append(f"| `{b.name}` | {b.title} | {b.part.name} | {oscillator_mhz:g} | "
                     f"{b.clock_mhz:g} | {b.line.connection} | {b.line.baud:,} | "
                     f"{programmer.tool} | {' | '.join(writes)} |")
    return "\n".join(lines)


def test_the_page_has_the_table() -> None:
    assert table() in PAGE.read_text(), f"docs/boards.md needs this table:\n{table()}"


@each_board
def test_the_page_has_a_section(board: Board) -> None:
    headings = [line for line in PAGE.read_text().splitlines() if line.startswith("#")]
    assert any(f"`{board.name}`" in heading for heading in headings)


def test_the_page_has_the_udev_rules() -> None:
    assert udev_rules(group="plugdev") in PAGE.read_text()
