"""Plans networks for boards: chooses the folding, the clock, and the share of the FPGA."""

from bnnhw.board_planning.board_plan import BoardPlan, plan_for
from bnnhw.board_planning.retry import build_smaller

__all__ = ["BoardPlan", "build_smaller", "plan_for"]
