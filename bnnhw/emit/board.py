"""Writes the Verilog of a complete board (clock, reset, host link, core) and ``board.json``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bnnhw.emit.board_weights import LOADER_LUTS, WEIGHTS_FILE, BoardWeights, board_weights
from bnnhw.emit.design import Design, load_design
from bnnhw.emit.manifest import text_digest
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError, PlanError
from bnnhw.families import Device
from bnnhw.families.costs import Cost
from bnnhw.families.pll import Clock
from bnnhw.hostlink.gateware.frame_output import output_depth
from bnnhw.hostlink.gateware.host_link import HostLink
from bnnhw.hostlink.gateware.link_params import WINDOW, HostLinkParams, input_shape
from bnnhw.hostlink.gateware.uart import MIN_DIVISOR
from bnnhw.hostlink.wire import MAX_PAYLOAD, VERSION, Identity
from bnnhw.hostlink.wire.board_record import RECORD, SCHEMA, BoardRecord
from bnnhw.hostlink.wire.identity import DIGEST_BYTES
from bnnhw.plan import Plan
from bnnhw.plan.image import loaded_memories
from bnnhw.platforms import get_board
from bnnhw.platforms.base import Board

__all__ = ["BOARD_TOP", "BoardDesign", "design_board", "divisor_of", "link_cost",
           "load_board"]

BOARD_TOP = "bnnhw_board"
WAKE_SECONDS = 20e-6
"""Seconds in reset after the clock has started: iCE40 block RAM reads as zero at first."""
SILENCE_SECONDS = 0.1
"""Pause within a frame, in seconds, after which the board has certainly dropped the frame; it
tolerates pauses of half this time. USB adapters pause up to 16 ms."""
LINK_LUTS, IDENTITY_LUTS, LANE_LUTS = 480, 22, 6
"""LUTs of the host link, of its identity record, and of each output byte lane (``link_cost``)."""
MAX_FRAME_BYTES = MAX_PAYLOAD - 64
"""Longest frame: the payload of its reply also has the status and the counters."""
BAUD_ERROR = 0.015
"""Tolerated relative error of the bit rate; sender and receiver together may differ by 4 %."""


@dataclass(frozen=True)
class BoardDesign:
    """A design with the gateware that connects it to a board.

    Attributes
    ----------
    design : Design
        The accelerator.
    board : str
    clock_hz : int
    baud, divisor : int
        Bits per second on the serial line, and clock cycles per bit.
    frame_timeout : int
        Cycles after which an unfinished frame has been dropped, a power of two; the board waits for
        at least half of them.
    identity : Identity
    verilog : str
        Verilog of module ``bnnhw_board`` and of everything in it.
    weights : BoardWeights or None
        Weights that the board reads from its flash before the first frame.
    """

    design: Design
    board: str
    clock_hz: int
    baud: int
    divisor: int
    frame_timeout: int
    identity: Identity
    verilog: str
    weights: BoardWeights | None = None

    def record(self) -> dict[str, object]:
        """Content of ``board.json``."""
        return {
            "schema": SCHEMA, "board": self.board, "top": BOARD_TOP, "clock_hz": self.clock_hz,
            "baud": self.baud, "divisor": self.divisor, "frame_timeout": self.frame_timeout,
            "identity": {**asdict(self.identity), "digest": self.identity.digest.hex()},
            "accelerator": "core.json",
            "verilog": {"file": "board.v", "sha256": text_digest(self.verilog)},
            **({} if self.weights is None else {"weights": self.weights.record()}),
        }

    def files(self) -> dict[str, bytes]:
        """Contents of the files of a build folder, by file name."""
        core = {path.name: data for path, data in self.design.files(Path("core.v")).items()
                if path.suffix != ".bin"}  # weights.bin has a header
        if self.weights is not None:
            core[WEIGHTS_FILE] = self.weights.content
        record = json.dumps(self.record(), indent=1) + "\n"
        return {**core, "board.v": self.verilog.encode(), RECORD: record.encode()}


def divisor_of(clock_hz: float, baud: int) -> int:
    """Clock cycles per bit on the serial line.

    Raises
    ------
    PlanError
        No divisor of the clock is close enough to the bit rate.
    """
    divisor = max(MIN_DIVISOR, round(clock_hz / baud))
    error = abs(clock_hz / divisor / baud - 1)
    if error > BAUD_ERROR:
        nearest = clock_hz / divisor
        raise PlanError(f"a clock of {clock_hz / 1e6:g} MHz makes {nearest:,.0f} baud, "
                        f"{error:.1%} away from the {baud:,} of the line",
                        hint=f"use `baud={round(nearest)}`, a slower line, or another clock "
                             "(`clock_mhz=`)")
    return divisor


def _frame_bytes(plan: Plan) -> tuple[int, int]:
    return plan.i.bytes * plan.i.words, plan.o.bytes * plan.o.words


def design_board(design: Design, board: Board, clock: Clock, baud: int) -> BoardDesign:
    """Add clock, reset and host link of a board to an accelerator.

    Parameters
    ----------
    design : Design
    board : Board
    clock : Clock
        From ``Board.make_clock``.
    baud : int
        Bits per second on the serial line, format 8N1.

    Raises
    ------
    PlanError
        The clock cannot make the bit rate, a frame is too long for the link, or weights would have
        to be loaded from a flash that the board does not have.
    """
    plan = design.plan
    divisor = divisor_of(clock.hz, baud)
    inputs, outputs = _frame_bytes(plan)
    for what, size in (("input", inputs), ("output", outputs)):
        if size > MAX_FRAME_BYTES:
            raise PlanError(f"an {what} frame of {size:,} bytes is too long for the link",
                            hint=f"it carries {MAX_FRAME_BYTES:,} bytes per frame")
    timeout = 1 << (int(SILENCE_SECONDS * clock.hz) - 1).bit_length()
    identity = Identity(VERSION, _digest(design, board, clock, divisor, timeout), clock.hz, inputs,
                        outputs, plan.ii, plan.latency, WINDOW)
    link = HostLink(HostLinkParams(
        divisor=divisor, identity=identity.pack(), in_bytes=plan.i.bytes, in_words=plan.i.words,
        out_bytes=plan.o.bytes, out_words=plan.o.words, lanes=_memory_lanes(plan),
        timeout=timeout, watchdog=plan.latency + plan.ii + 256,
        in_flight=2 * (plan.latency // plan.ii + 2)))
    weights = board_weights(design, board)
    text = "\n".join((_header(design, board, clock, baud), design.verilog, convert(link),
                      *([] if weights is None else [weights.gateware(clock.hz)]),
                      clock.verilog, _top(plan, board, clock, weights)))
    return BoardDesign(design, board.name, clock.hz, baud, divisor, timeout, identity, text,
                       weights)


def link_cost(plan: Plan, device: Device) -> Cost:
    """Estimate the host link of a plan: fixed logic, registers for wide words, and weight loader.

    The coefficients are fitted to iCE40 logic cells of links with input words of 1 to 98 bytes and
    output words of 1 to 20 bytes, with one or several words per frame. The error is at most 3 %;
    the block RAM count is exact. On an ECP5, 656 LUT4 were used where 652 were estimated.
    """
    wide = plan.o.bytes
    given = input_shape(plan.i.bytes, plan.i.words, _memory_lanes(plan))
    made = output_depth(wide, plan.o.words, Identity.SIZE)
    logic = LINK_LUTS + 8 * max(given.lanes, plan.i.bytes - given.lanes)
    logic += LANE_LUTS * wide if made else 8 * wide + IDENTITY_LUTS
    block = device.memory.blocks(WINDOW, 9)  # the queue
    block += device.memory.blocks(given.depth, 8 * given.lanes)
    block += device.memory.blocks(made, 8 * wide)
    logic += LOADER_LUTS if loaded_memories(plan) else 0
    return Cost(logic, logic, block)


def _memory_lanes(plan: Plan) -> int:
    """Bytes per word of the link's input memory: the minimum that keeps up with the accelerator."""
    frame, _ = _frame_bytes(plan)
    return next(lanes for lanes in range(1, plan.i.bytes + 1)
                if plan.i.bytes % lanes == 0 and (frame // lanes <= plan.ii
                                                  or lanes == plan.i.bytes))


def _digest(design: Design, board: Board, clock: Clock, divisor: int, timeout: int) -> bytes:
    """Digest of everything that determines the hardware, except for the digest itself."""
    manifest = design.manifest("core.v")["manifest_sha256"]
    facts: tuple[Any, ...] = (manifest, board.name, board.part.name, clock.hz, divisor, timeout,
                              VERSION, WINDOW)
    if design.image is not None and board.pins.flash is not None:
        facts = (*facts, board.pins.flash.weights)
    return hashlib.sha256("\0".join(map(str, facts)).encode()).digest()[:DIGEST_BYTES]


def _header(design: Design, board: Board, clock: Clock, baud: int) -> str:
    return (f"// {design.plan.name} on {board.title} ({board.part.name}), {clock.hz / 1e6:g} MHz, "
            f"{baud:,} baud\n")


def _top(plan: Plan, board: Board, clock: Clock, weights: BoardWeights | None) -> str:
    """Verilog of the top module; its reset ends ``WAKE_SECONDS`` after the clock is stable."""
    wake = max(8, int(WAKE_SECONDS * clock.hz).bit_length())
    outputs = "".join(f", output {name}" for name, _ in board.pins.held_high)
    held = "".join(f"  assign {name} = 1'b1;\n" for name, _ in board.pins.held_high)
    wide_in, wide_out = 8 * plan.i.bytes, 8 * plan.o.bytes
    assert set(board.ports()) >= {"clk", "uart_rx", "uart_tx"}
    flash, loader, load = "", "", ""
    loading, bad = "1'b0", "1'b0"
    if weights is not None:
        flash, loader, loading, bad = weights.ports(), weights.instance(), "loading", "bad_weights"
        load = ",\n    .load_begin(load_begin), .load_valid(load_valid), .load_data(load_data), " \
            ".loaded(loaded)"
    return f"""
module {BOARD_TOP}(input clk, input uart_rx, output uart_tx{outputs}{flash});
  wire clock, locked, core_reset, i_valid, i_ready, i_last, o_valid, o_ready;
  wire [{wide_in - 1}:0] i_data;
  wire [{wide_out - 1}:0] o_data;
  reg [{wake}:0] awake = 0;
  reg rst = 1'b1;
  reg core_rst = 1'b1;
{held}  bnnhw_pll pll (.clk_in(clk), .clk_out(clock), .locked(locked));
  always @(posedge clock) begin
    if (!locked) awake <= 0;
    else if (!awake[{wake}]) awake <= awake + 1'b1;
    rst <= !awake[{wake}];
    core_rst <= rst | core_reset;
  end
{loader}  bnnhw_host_link link (
    .clk(clock), .rst(rst), .rx(uart_rx), .tx(uart_tx), .loading({loading}), .bad_weights({bad}),
    .core_reset(core_reset), .to_core_payload(i_data), .to_core_valid(i_valid),
    .to_core_ready(i_ready), .to_core_last(i_last), .from_core_payload(o_data),
    .from_core_valid(o_valid), .from_core_ready(o_ready));
  {plan.name} core (
    .clk(clock), .rst(core_rst), .s_axis_tdata(i_data), .s_axis_tvalid(i_valid),
    .s_axis_tready(i_ready), .s_axis_tlast(i_last), .m_axis_tdata(o_data),
    .m_axis_tvalid(o_valid), .m_axis_tready(o_ready), .m_axis_tlast(), .frame_error(){load});
endmodule
"""


def load_board(folder: Path) -> BoardDesign:
    """Load a build folder that ``bnnhw build`` has written.

    Raises
    ------
    ConfigError
        A file is missing, damaged, or belongs to another build.
    """
    record = BoardRecord.read(folder)
    record.check_schema()
    try:
        verilog = (folder / "board.v").read_text()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"cannot be read: {reason}", where=str(folder / "board.v"),
                          hint="build the design again") from None
    if text_digest(verilog) != record.verilog_sha256:
        raise ConfigError("board.v was changed after it was built", where=str(folder),
                          hint="build the design again")
    design = load_design(record.accelerator)
    weights = board_weights(design, get_board(record.board))
    return BoardDesign(design, record.board, record.clock_hz, record.baud, record.divisor,
                       record.frame_timeout, record.identity, verilog, weights)
