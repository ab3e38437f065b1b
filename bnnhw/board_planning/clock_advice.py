"""Recommends clocks for a design that was placed and routed on a board."""

from __future__ import annotations

from bnnhw.emit.board import divisor_of
from bnnhw.errors import PlanError
from bnnhw.platforms import Board

__all__ = ["FASTER", "SLOWER", "recommended_mhz"]

SLOWER, FASTER = 0.98, 0.95
"""Fractions of fmax that a clock below, and above, the one that was built for is expected to meet.
Another clock is another placement, which can be slower."""


def recommended_mhz(board: Board, baud: int, limit_mhz: float) -> int:
    """Highest clock in whole MHz that the PLL makes and the serial line allows; 0 for none.

    Parameters
    ----------
    board : Board
    baud : int
        Speed of the serial line, which has to divide the clock closely enough.
    limit_mhz : float
    """
    for mhz in range(int(limit_mhz), 0, -1):
        try:
            divisor_of(board.make_clock(mhz).hz, baud)
        except PlanError:
            continue
        return mhz
    return 0
