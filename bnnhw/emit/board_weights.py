"""Prepares weights that a board loads from its flash at start-up: file, offset and gateware."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from bnnhw.emit.design import Design
from bnnhw.emit.verilog import convert
from bnnhw.errors import PlanError
from bnnhw.hostlink.gateware.flash_loader import MAX_SPI_HZ, FlashLoader
from bnnhw.platforms.base import Board, SpiFlash

__all__ = ["LOADER_LUTS", "WEIGHTS_FILE", "BoardWeights", "board_weights"]

WEIGHTS_FILE = "weights.bin"
SETTLE_SECONDS = 100e-6
"""Waiting time in seconds before the first read; flashes need 3 to 35 microseconds to wake up."""
LOADER_LUTS = 200
"""Approximate LUT count of the loader and of the counters in the core that it feeds."""


@dataclass(frozen=True)
class BoardWeights:
    """The weights file of a board and its location in the flash.

    Attributes
    ----------
    content : bytes
        Content of the file.
    crc : int
        CRC-32 of all bytes but the last four, which the board checks.
    words : int
        Number of 16-bit words that the accelerator loads.
    flash : SpiFlash
        Flash of the board.
    """

    content: bytes
    crc: int
    words: int
    flash: SpiFlash

    def record(self) -> dict[str, object]:
        """Entry of ``board.json``."""
        return {"file": WEIGHTS_FILE, "offset": self.flash.weights, "bytes": len(self.content),
                "crc32": f"{self.crc:08x}"}

    def ports(self) -> str:
        """Ports of the top module for the flash, to be appended to a port list."""
        high = "".join(f", output {name}" for name, _ in self.flash.held_high)
        return f", output flash_cs, output flash_clk, output flash_mosi, input flash_miso{high}"

    def gateware(self, clock_hz: int) -> str:
        """Verilog of the loader module."""
        return convert(FlashLoader(
            words=self.words, crc=self.crc, offset=self.flash.weights,
            half=max(1, ceil(clock_hz / (2 * MAX_SPI_HZ))),
            settle=ceil(SETTLE_SECONDS * clock_hz)))

    def instance(self) -> str:
        """Verilog that instantiates the loader and declares ``loading`` and ``bad_weights``."""
        high = "".join(f"  assign {name} = 1'b1;\n" for name, _ in self.flash.held_high)
        return f"""\
{high}  wire load_begin, load_valid, loaded, reading, bad_weights;
  wire [15:0] load_data;
  wire loading = reading | !loaded;
  bnnhw_flash_loader loader (
    .clk(clock), .rst(rst), .cs(flash_cs), .sck(flash_clk), .mosi(flash_mosi), .miso(flash_miso),
    .load_begin(load_begin), .load_valid(load_valid), .load_data(load_data), .loading(reading),
    .bad(bad_weights));
"""


def board_weights(design: Design, board: Board) -> BoardWeights | None:
    """Lay out the weights for a board's flash; None where the accelerator loads none.

    Raises
    ------
    PlanError
        The board has no flash that its FPGA can read.
    """
    image = design.image
    if image is None:
        return None
    if board.pins.flash is None:
        raise PlanError(f"{board.title} has no flash from which weights could be loaded, but those "
                        f"of '{image.memories[0].unit}' lie in SPRAM",
                        hint="leave out memory: spram, or allow more cycles per frame")
    digest = design.digest
    return BoardWeights(image.flash(digest), image.flash_crc(digest), image.words,
                        board.pins.flash)
