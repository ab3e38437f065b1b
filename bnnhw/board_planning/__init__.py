"""Planning policy for boards: which plan, which clock, and what share of the FPGA it may take."""

from bnnhw.board_planning.board_plan import BoardPlan, plan_for
from bnnhw.board_planning.retry import build_smaller

__all__ = ["BoardPlan", "build_smaller", "plan_for"]
